//! What every store must do, written against the [`Store`](super::Store) trait alone.
//!
//! Each property is a function that is given an empty store; [`suite`] makes a test of each for
//! one implementation. What only one implementation promises is tested beside it.

pub(super) mod accounts;
pub(super) mod administration;
pub(super) mod blobs;
pub(super) mod expiry;
pub(super) mod mailbox;
pub(super) mod prekeys;
pub(super) mod races;
pub(super) mod returns;
pub(super) mod rooms;
pub(super) mod samples;

/// Makes a test of every property for the stores that a function makes: an empty one at each call,
/// and beside it what must live as long.
macro_rules! suite {
    ($make:path) => {
        $crate::store::conformance::suite! {
            @each $make;
            accounts: [
                a_registered_account_is_found_by_name_and_id,
                a_username_is_given_once,
                a_failed_registration_leaves_nothing,
                an_invitation_is_good_for_its_uses,
                a_profile_changes,
                the_list_is_in_order_and_in_pages,
                the_list_leaves_suspended_accounts_out,
                a_device_enters_beside_another,
                a_device_number_is_not_taken_over,
                the_same_certificate_again_changes_prekeys_only,
                replacing_devices_empties_the_account_of_them,
                an_account_has_at_most_so_many_devices,
                a_deleted_account_is_gone,
                a_secret_is_kept,
                the_census_counts,
                a_closed_store_refuses
            ];
            administration: [
                the_first_account_is_an_admins_where_that_is_wanted,
                only_the_very_first_account_is_meant,
                an_appointment_and_its_line_are_one,
                the_last_admin_stays,
                a_change_and_its_line_are_one,
                the_audit_log_comes_in_pages_newest_first,
                what_is_too_old_is_forgotten,
                announcements_are_read_from_where_one_stands,
                invitations_are_listed_and_revoked,
                who_may_register_is_kept,
                a_login_history_is_bounded_and_newest_first,
                an_account_shows_its_devices_and_what_it_takes,
                accounts_are_listed_suspended_or_not_but_not_deleted,
                a_device_leaves_its_account
            ];
            prekeys: [
                a_bundle_has_a_one_time_prekey_while_there_are_any,
                a_claim_names_devices,
                an_upload_adds_and_replaces,
                an_upload_beyond_the_limit_changes_nothing,
                a_device_without_prekeys_is_left_out
            ];
            mailbox: [
                entries_are_read_in_order,
                a_repeat_adds_nothing,
                a_repeat_within_one_call_adds_nothing,
                ids_are_known_for_each_mailbox,
                a_missing_device_is_told,
                a_full_mailbox_is_told,
                consuming_makes_room,
                consuming_is_idempotent,
                a_sequence_is_never_used_twice,
                a_page_is_bounded_but_never_empty,
                order_holds_for_each_sender
            ];
            expiry: [
                old_mail_expires_and_its_sender_is_told,
                the_sweep_is_bounded,
                a_sender_who_left_is_not_told,
                expiry_makes_room,
                an_id_is_remembered_after_its_entry_and_then_forgotten,
                an_expired_id_is_remembered,
                a_memory_is_of_one_device_only
            ];
            returns: [
                mail_of_a_replaced_device_goes_back,
                mail_of_a_deleted_account_goes_back,
                returning_is_bounded,
                old_mail_of_a_device_that_left_is_returned_and_not_expired
            ];
            blobs: [
                a_blob_is_reserved_and_completed,
                a_reservation_goes_on,
                a_quota_bounds_an_owner,
                expired_blobs_leave_the_books,
                a_deleted_account_frees_its_blobs
            ];
            rooms: [
                a_room_is_founded_once,
                a_commit_is_for_the_present_epoch,
                posts_stand_once_and_in_order,
                a_post_is_of_the_present_epoch_and_a_member,
                a_new_member_reads_nothing_earlier,
                a_removed_member_reads_nothing_later,
                a_device_that_comes_back_begins_anew,
                leaving_is_told_and_ends_reading,
                a_device_that_is_gone_departs_from_its_rooms,
                a_room_that_is_left_by_all_begins_anew_or_goes,
                the_lobby_is_one_and_called_as_the_operator_says,
                open_rooms_are_listed_in_pages,
                a_deleted_room_is_gone,
                a_page_says_whether_the_device_reads_on,
                pages_of_a_log_are_bounded_but_never_empty,
                reading_on_only_goes_forward,
                what_all_have_read_goes_when_it_is_old,
                a_large_log_is_cut,
                the_tree_of_a_welcome_is_kept,
                a_key_package_is_the_device_s
            ];
            races: [
                one_of_eight_commits_the_epoch,
                one_of_eight_founds_the_room,
                one_of_eight_gets_the_username,
                one_of_eight_uses_the_invitation,
                each_one_time_prekey_is_handed_out_once,
                one_of_eight_appends_the_envelope,
                one_of_eight_reserves_the_blob,
                eight_share_a_blob_quota,
                eight_keep_one_secret,
                eight_share_a_mailbox_quota,
                one_of_eight_takes_the_device_number,
                one_of_eight_takes_an_expired_entry,
                one_of_eight_is_the_first_admin,
                of_eight_admins_one_is_left,
                an_invitation_is_used_or_revoked,
                eight_acts_have_eight_numbers
            ];
        }
    };
    (@each $make:path; $($module:ident: [$($property:ident),*];)*) => {
        $(mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $property() {
                let (store, _kept) = $make();
                $crate::store::conformance::$module::$property(store).await;
            })*
        })*
    };
}
pub(super) use suite;
