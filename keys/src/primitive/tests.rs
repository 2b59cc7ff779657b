//! Known answers from the documents that define the primitives.

use sotto_proto::DeviceKey;

use super::*;

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    hex::decode(hex).unwrap().try_into().unwrap()
}

fn key(hex: &str) -> Key {
    Secret::new(bytes(hex))
}

#[test]
fn x25519_rfc_7748_section_5_2() {
    for (scalar, point, result) in [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ] {
        assert_eq!(agree(&key(scalar), &ExchangeKey(bytes(point))), Ok(key(result)));
    }
}

#[test]
fn x25519_rfc_7748_section_6_1() {
    let alice = key("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let bob = key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    let shared = key("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert_eq!(
        exchange_public(&alice).to_string(),
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    );
    assert_eq!(agree(&alice, &exchange_public(&bob)), Ok(shared.clone()));
    assert_eq!(agree(&bob, &exchange_public(&alice)), Ok(shared));
}

#[test]
fn x25519_refuses_points_of_small_order() {
    // The points of order 1, 2, 4 and 8, and encodings of them that are not reduced.
    for point in [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        assert_eq!(agree(&Secret::new([7; 32]), &ExchangeKey(bytes(point))), Err(Refused));
    }
}

#[test]
fn ed25519_rfc_8032_section_7_1() {
    for (secret, public, message, signature) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ] {
        let signing = SigningKey::from_bytes(&bytes(secret));
        let (public, message) = (DeviceKey(bytes(public)), hex::decode(message).unwrap());
        assert_eq!(signing.verifying_key().to_bytes(), public.0);
        assert_eq!(sign(&signing, &message), Signature(bytes(signature)));
        assert_eq!(verify(&public.0, &message, &Signature(bytes(signature))), Ok(()));
        assert_eq!(verify(&public.0, b"other", &Signature(bytes(signature))), Err(Refused));
    }
}

#[test]
fn hkdf_rfc_5869_appendix_a() {
    let okm: Secret<42> = derive(
        &bytes::<13>("000102030405060708090a0b0c"),
        &[0x0b; 22],
        &bytes::<10>("f0f1f2f3f4f5f6f7f8f9"),
    );
    let expected =
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    assert_eq!(okm, Secret::new(bytes(expected)));
    let okm: Secret<42> = derive(&[], &[0x0b; 22], &[]);
    let expected =
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
    assert_eq!(okm, Secret::new(bytes(expected)));
}

#[test]
fn hmac_rfc_4231_key_padded_to_32_bytes() {
    // HMAC pads a key with zeros to the block length, so the 20-byte key of test case 1 and the
    // same with zeros behind it are one key.
    let mut padded = [0; 32];
    padded[..20].fill(0x0b);
    assert_eq!(
        authenticate(&Secret::new(padded), b"Hi There"),
        key("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
    );
}

#[test]
fn aes_256_gcm_siv_rfc_8452_appendix_c_2() {
    let (mut secret, mut nonce) = ([0; 32], [0; 12]);
    (secret[0], nonce[0]) = (1, 3);
    let secret = Secret::new(secret);
    for (aad, text, sealed) in [
        ("", "", "07f5f4169bbf55a8400cd47ea6fd400f"),
        ("", "0100000000000000", "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28"),
        ("01", "0200000000000000", "1de22967237a813291213f267e3b452f02d01ae33e4ec854"),
    ] {
        let aad = hex::decode(aad).unwrap();
        let mut text = hex::decode(text).unwrap();
        let plain = text.clone();
        let tag = seal(&secret, &nonce, &aad, &mut text);
        assert_eq!(hex::encode([text.as_slice(), &tag].concat()), sealed);
        assert_eq!(open(&secret, &nonce, &aad, &mut text, &tag), Ok(()));
        assert_eq!(text, plain);
        assert_eq!(open(&secret, &nonce, b"other", &mut text, &tag), Err(Refused));
    }
}

/// The seed and its encapsulation key are C2SP's (CCTV, also in Wycheproof `mlkem_1024_test`); the
/// ciphertext, its secret and the one of its rejection were made for them with OpenSSL 4.0.
#[test]
fn ml_kem_1024_fips_203() {
    let seed: Secret<64> = Secret::new(bytes(
        "8247c17686a8bc0b3afebe6bed1df1dc3ff7fa07c3670f624930235f20aecb43\
         53ece11faa61f47d946ee501abb9a48029096de63b243a1794c4a760f98cc157",
    ));
    let public = kem_public(&seed);
    assert_eq!(
        public.0[..32],
        bytes::<32>("a22bc758f65682632313e5c786952a5a144e9747791a4a382c74618b879e6fd8")
    );
    assert_eq!(
        hex::encode(<Sha256 as sha2::Digest>::digest(&public.0[..])),
        "5db6d38ecb5e92dda86dd468931bd4272def51b901c05979ce40053acc85a1e8"
    );
    let ciphertext = include_str!("../../vectors/ml_kem_1024_ciphertext.hex");
    let mut ciphertext: [u8; KEM_CIPHERTEXT_LEN] = bytes(ciphertext.trim());
    assert_eq!(
        decapsulate(&seed, &ciphertext),
        key("17f930e6d8661c470d53c640ca57608ec8c4734d7d7e171dde4c0d2932511883")
    );
    ciphertext[0] ^= 1;
    assert_eq!(
        decapsulate(&seed, &ciphertext),
        key("f057cf77a14ae5c01ec1b9d21358057a07ca477114086cd59d78f6c858c3f756")
    );
}

#[test]
fn ml_kem_1024_agrees_and_refuses_keys_out_of_range() {
    let seed = Secret::new([5; 64]);
    let (ciphertext, secret) = encapsulate_with(&kem_public(&seed), &Secret::new([6; 32])).unwrap();
    assert_eq!(decapsulate(&seed, &ciphertext), secret);
    // FIPS 203 section 7.2: a coefficient that is not below q fails the modulus check.
    let mut key = kem_public(&seed);
    key.0[..2].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(encapsulate_with(&key, &Secret::new([6; 32])).unwrap_err(), Refused);
}

#[test]
fn argon2id_rfc_9106_section_5_3() {
    let mut params = argon2::ParamsBuilder::new();
    let data = argon2::AssociatedData::new(&[4; 12]).unwrap();
    let params = params.m_cost(32).t_cost(3).p_cost(4).output_len(32).data(data).build().unwrap();
    let mut tag = [0; 32];
    argon2id(params, &[3; 8], &[1; 32], &[2; 16], &mut tag).unwrap();
    assert_eq!(
        hex::encode(tag),
        "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
    );
}

#[test]
fn secrets_are_not_printed() {
    insta::assert_debug_snapshot!(Key::new([7; 32]), @"Secret(..)");
}
