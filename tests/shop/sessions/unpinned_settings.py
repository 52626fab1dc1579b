"""The session settings that Sluice does not pin, by reason. A test sets most to their extremes."""

from collections.abc import Mapping

UNPINNED: Mapping[str, str] = {
    "the log and statistics of the server": """
        backtrace_functions compute_query_id debug_pretty_print debug_print_parse
        debug_print_plan debug_print_rewritten jit_dump_bitcode log_duration log_error_verbosity
        log_executor_stats log_lock_failures log_lock_waits log_min_duration_sample
        log_min_duration_statement log_min_error_statement log_min_messages
        log_parameter_max_length log_parameter_max_length_on_error log_parser_stats
        log_planner_stats log_replication_commands log_statement log_statement_sample_rate
        log_statement_stats log_temp_files log_transaction_sample_rate md5_password_warnings
        pg_stat_statements.track pg_stat_statements.track_planning
        pg_stat_statements.track_utility stats_fetch_consistency trace_notify trace_sort
        track_activities track_cost_delay_timing track_counts track_functions track_io_timing
        track_wal_io_timing update_process_title
    """,
    "memory and disk of the server, which its owner tunes": """
        backend_flush_after effective_cache_size effective_io_concurrency file_copy_method
        gin_pending_list_limit hash_mem_multiplier io_combine_limit logical_decoding_work_mem
        maintenance_io_concurrency maintenance_work_mem max_stack_depth temp_buffers
        vacuum_buffer_usage_limit
    """,
    "durability, which the owner chooses: off may lose commits, remote_apply waits": """
        commit_delay commit_siblings synchronous_commit wal_compression wal_consistency_checking
        wal_init_zero wal_recycle wal_skip_threshold
    """,
    "replication, VACUUM, ANALYZE and DDL, which requests do not use": """
        allow_in_place_tablespaces allow_system_table_mods check_function_bodies
        createrole_self_grant debug_logical_replication_streaming default_statistics_target
        default_table_access_method default_tablespace default_toast_compression event_triggers
        icu_validation_level max_parallel_maintenance_workers output_plugin_libraries
        password_encryption scram_iterations vacuum_cost_delay vacuum_cost_limit
        vacuum_cost_page_dirty vacuum_cost_page_hit vacuum_cost_page_miss vacuum_failsafe_age
        vacuum_freeze_min_age vacuum_freeze_table_age vacuum_max_eager_freeze_failure_rate
        vacuum_multixact_failsafe_age vacuum_multixact_freeze_min_age
        vacuum_multixact_freeze_table_age vacuum_truncate wal_sender_timeout
    """,
    "parallel plans, which max_parallel_workers_per_gather = 0 excludes": """
        debug_parallel_query enable_gathermerge enable_parallel_append enable_parallel_hash
        force_parallel_mode max_parallel_workers min_parallel_index_scan_size
        min_parallel_table_scan_size parallel_leader_participation parallel_setup_cost
        parallel_tuple_cost
    """,
    "compiling, which jit = off excludes": """
        jit_above_cost jit_expressions jit_inline_above_cost jit_optimize_above_cost
        jit_tuple_deforming
    """,
    "plans that no statement has: cursors, recursion, foreign tables, very many tables": """
        cursor_tuple_fraction enable_async_append enable_partitionwise_aggregate
        enable_partitionwise_join geqo geqo_effort geqo_generations geqo_pool_size geqo_seed
        geqo_selection_bias recursive_worktable_factor
    """,
    "each transaction sets them from the default_transaction_ settings": """
        transaction_deferrable transaction_isolation transaction_read_only
    """,
    "order without ORDER BY, on which no statement relies": "synchronize_seqscans",
    "a warning about literals, which no statement causes": "escape_string_warning",
    "texts of errors, which clients never see": "lc_messages",
    "text search with the default dictionary, for triggers of an application": """
        default_text_search_config
    """,
    "libraries that a session loads, which the server's owner installs": """
        dynamic_library_path extension_control_path extension_destdir local_preload_libraries
        session_preload_libraries
    """,
    "the network, which the server's owner tunes": """
        client_connection_check_interval tcp_keepalives_count tcp_keepalives_idle
        tcp_keepalives_interval tcp_user_timeout
    """,
    "closing idle connections, which the pool replaces": "idle_session_timeout",
    "the session's name in the log, which each connection sends": "application_name",
    "rescue of a damaged server": "ignore_checksum_failure zero_damaged_pages",
    "only slower": "deadlock_timeout debug_discard_caches temp_tablespaces",
}
# They need files or memory, close the test's connections, or cannot be a database's default.
UNTESTED = """
    backtrace_functions default_table_access_method default_tablespace dynamic_library_path
    extension_control_path extension_destdir local_preload_libraries output_plugin_libraries
    session_preload_libraries temp_tablespaces wal_consistency_checking zero_damaged_pages
    ignore_checksum_failure allow_in_place_tablespaces allow_system_table_mods
    idle_session_timeout application_name lc_messages max_stack_depth temp_buffers
    client_connection_check_interval tcp_user_timeout default_text_search_config
    createrole_self_grant transaction_deferrable transaction_isolation transaction_read_only
    commit_delay
"""
UNPINNED_REASONS = {name: reason for reason, names in UNPINNED.items() for name in names.split()}
UNTESTED_NAMES = frozenset(UNTESTED.split())
