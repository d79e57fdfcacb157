"""Where each trap is tested. Paths are below `tests/`."""

_PERP = "paper/test_paper_rest_perp.py::"
_SPOT = "paper/test_paper_rest_spot.py::"
_PRIVATE = "paper/test_paper_ws_private.py::"
_PUBLIC = "paper/test_paper_ws_public.py::"
_GATES = "paper/test_paper_gates.py::"
_FAULTS = "paper/test_paper_faults.py::"
_HERE = "conformance/test_traps.py::test_"
_PYBOTTERS = "conformance/test_conformance_pybotters.py::"

# Rows of the fee summary: place and container.
FEES = (
    "spot REST fills: object, negative",
    "spot orderInfo: JSON in a string, negative",
    "spot WS orders: fillFee and feeDetail, negative",
    "spot WS fill: list, positive",
    "mix REST fills, WS fill, WS orders, detail: negative",
    "spot buys pay in base coin, sells in quote coin",
)
PITFALLS = 25

TRAPS: dict[str | int, list[str]] = {
    FEES[0]: [f"{_SPOT}test_fills_have_a_fee_object_and_no_client_oid"],
    FEES[1]: [f"{_SPOT}test_order_info_is_a_list_with_its_fee_in_a_string_of_json"],
    FEES[2]: [f"{_PRIVATE}test_spot_fees_add_up_in_the_orders_row"],
    FEES[3]: [
        f"{_PRIVATE}test_the_spot_fill_has_no_client_oid_and_a_positive_fee",
        f"{_HERE}one_spot_fill_has_its_fee_with_two_signs",
    ],
    FEES[4]: [
        f"{_PERP}test_fills_have_a_list_of_fees_and_no_client_oid",
        f"{_PRIVATE}test_the_futures_fill_has_the_client_oid_and_a_negative_fee",
        f"{_PRIVATE}test_a_taker_order_pushes_live_then_filled",
        f"{_HERE}the_fee_of_an_order_detail_is_negative_text",
    ],
    FEES[5]: [
        f"{_SPOT}test_a_buy_pays_its_fee_in_base_coin",
        f"{_SPOT}test_a_sell_pays_its_fee_in_quote_coin",
    ],
    1: [f"{_PERP}test_time_in_force_value_is_ignored_and_the_order_takes"],
    2: [
        f"{_PERP}test_a_crossing_post_only_is_acknowledged_and_then_cancelled",
        f"{_PRIVATE}test_a_crossing_post_only_pushes_live_then_canceled",
    ],
    3: [f"{_GATES}test_a_unified_account_is_refused_before_its_signature"],
    4: [f"{_HERE}a_lost_private_push_is_not_repeated"],
    5: [
        f"{_HERE}a_reconnect_brings_no_order_and_no_fill_back",
        f"{_PRIVATE}test_positions_and_accounts_push_at_once_orders_and_fills_do_not",
    ],
    6: [
        f"{_HERE}a_socket_has_a_life_however_well_it_pings",
        f"{_PRIVATE}test_a_client_that_does_not_ping_is_cut",
        f"{_FAULTS}test_faults_on_one_path_are_used_up_in_order",
    ],
    7: [
        f"{_HERE}one_trade_is_told_three_times",
        f"{_PRIVATE}test_private_pushes_can_come_twice",
    ],
    8: [f"{_HERE}an_end_can_be_the_only_push"],
    9: [
        f"{_PRIVATE}test_a_spot_order_ends_as_cancelled_with_two_l",
        f"{_PYBOTTERS}test_its_orders_store_never_drops_a_cancelled_spot_order",
    ],
    10: [f"{_HERE}one_thing_has_many_names"],
    11: [
        f"{_PERP}test_a_broken_rule_has_its_code",
        f"{_PERP}test_settings_repeat_without_error_and_refuse_while_busy",
    ],
    12: [
        f"{_PERP}test_hedge_mode_closes_with_the_positions_side",
        f"{_HERE}hedge_mode_without_trade_side_is_an_option",
    ],
    13: [
        f"{_PERP}test_reduce_only_while_flat_is_22002",
        f"{_PERP}test_a_new_reduce_only_pushes_out_older_ones_and_names_no_order_id",
    ],
    14: [
        f"{_HERE}a_client_oid_is_free_again_after_a_fill",
        f"{_PERP}test_a_client_oid_is_a_duplicate_only_while_pending",
    ],
    15: [f"{_HERE}a_client_oid_finds_a_spot_order_for_two_hours"],
    16: [
        f"{_HERE}an_error_may_hide_an_order",
        f"{_FAULTS}test_a_lost_answer_looks_the_same_executed_or_not",
    ],
    17: [
        f"{_HERE}an_acknowledged_bulk_cancel_has_not_happened_yet",
        f"{_HERE}a_failed_modify_is_told_by_nothing",
        f"{_HERE}one_order_is_cancelled_once_a_second",
        f"{_PERP}test_cancel_all_says_22001_when_there_is_nothing",
    ],
    18: [
        f"{_PERP}test_a_broken_rule_has_its_code",
        f"{_SPOT}test_a_broken_rule_has_its_code",
    ],
    19: [
        f"{_PUBLIC}test_books5_pushes_snapshots_with_pseq_zero",
        f"{_PUBLIC}test_books_is_a_snapshot_and_then_changes",
    ],
    20: [f"{_HERE}bought_coin_is_less_than_was_bought"],
    21: [f"{_HERE}positions_by_push_can_be_stale"],
    22: [f"{_PYBOTTERS}test_an_unregistered_host_is_neither_signed_nor_logged_in"],
    23: [f"{_HERE}orders_of_default_and_of_the_symbol_are_two_subscriptions"],
    24: [f"{_HERE}the_pages_slips_are_not_served"],
    25: [f"{_HERE}minimums_and_bands_are_todays"],
}
