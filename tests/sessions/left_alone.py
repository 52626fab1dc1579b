"""The settings of sessions that Sluice does not pin, by the reason. A test sets nearly all to their extremes."""

from collections.abc import Mapping

LEFT_ALONE: Mapping[str, str] = {
    "what the log says, or what is counted": """
        backtrace_functions compute_query_id debug_pretty_print debug_print_parse debug_print_plan debug_print_rewritten
        jit_dump_bitcode log_duration
        log_error_verbosity log_executor_stats log_lock_failures log_lock_waits log_min_duration_sample
        log_min_duration_statement log_min_error_statement log_min_messages log_parameter_max_length
        log_parameter_max_length_on_error log_parser_stats log_planner_stats log_replication_commands log_statement
        log_statement_sample_rate log_statement_stats log_temp_files log_transaction_sample_rate md5_password_warnings
        pg_stat_statements.track pg_stat_statements.track_planning pg_stat_statements.track_utility
        stats_fetch_consistency trace_notify trace_sort track_activities track_cost_delay_timing track_counts
        track_functions track_io_timing track_wal_io_timing update_process_title
    """,
    "memory and disk of the server, which its owner knows": """
        backend_flush_after effective_cache_size effective_io_concurrency file_copy_method gin_pending_list_limit
        hash_mem_multiplier io_combine_limit logical_decoding_work_mem maintenance_io_concurrency maintenance_work_mem
        max_stack_depth temp_buffers vacuum_buffer_usage_limit
    """,
    "durability, which its owner chooses: off may lose the last commits, remote_apply waits for replicas": """
        commit_delay commit_siblings synchronous_commit wal_compression wal_consistency_checking wal_init_zero
        wal_recycle wal_skip_threshold
    """,
    "replication, VACUUM, ANALYZE or DDL, of which there is none in requests": """
        allow_in_place_tablespaces allow_system_table_mods check_function_bodies createrole_self_grant
        debug_logical_replication_streaming default_statistics_target default_table_access_method default_tablespace
        default_toast_compression event_triggers icu_validation_level max_parallel_maintenance_workers
        output_plugin_libraries password_encryption scram_iterations vacuum_cost_delay vacuum_cost_limit
        vacuum_cost_page_dirty vacuum_cost_page_hit vacuum_cost_page_miss vacuum_failsafe_age vacuum_freeze_min_age
        vacuum_freeze_table_age vacuum_max_eager_freeze_failure_rate vacuum_multixact_failsafe_age
        vacuum_multixact_freeze_min_age vacuum_multixact_freeze_table_age vacuum_truncate wal_sender_timeout
    """,
    "parallel plans, of which there are none with max_parallel_workers_per_gather = 0": """
        debug_parallel_query enable_gathermerge enable_parallel_append enable_parallel_hash force_parallel_mode
        max_parallel_workers min_parallel_index_scan_size min_parallel_table_scan_size parallel_leader_participation
        parallel_setup_cost parallel_tuple_cost
    """,
    "compiling, of which there is none with jit = off": """
        jit_above_cost jit_expressions jit_inline_above_cost jit_optimize_above_cost jit_tuple_deforming
    """,
    "plans that no statement of Sluice has: cursors, recursion, foreign tables, very many tables": """
        cursor_tuple_fraction enable_async_append enable_partitionwise_aggregate enable_partitionwise_join geqo
        geqo_effort geqo_generations geqo_pool_size geqo_seed geqo_selection_bias recursive_worktable_factor
    """,
    "each transaction sets them from the default_transaction_ settings": """
        transaction_deferrable transaction_isolation transaction_read_only
    """,
    "order without ORDER BY, which is nobody's": "synchronize_seqscans",
    "a warning about literals, which no statement here earns": "escape_string_warning",
    "words of errors, which are not shown: SQLSTATE decides": "lc_messages",
    "text search with the default dictionary, which an application's triggers may use": """
        default_text_search_config
    """,
    "libraries that a session loads, which the server's owner installs": """
        dynamic_library_path extension_control_path extension_destdir local_preload_libraries session_preload_libraries
    """,
    "a network that the server's owner knows": """
        client_connection_check_interval tcp_keepalives_count tcp_keepalives_idle tcp_keepalives_interval
        tcp_user_timeout
    """,
    "closes idle connections: the pool looks before it sends, and opens another": "idle_session_timeout",
    "the session's name in the log, which each connection sends": "application_name",
    "rescue of a damaged server": "ignore_checksum_failure zero_damaged_pages",
    "only slower": "deadlock_timeout debug_discard_caches temp_tablespaces",
}
NOT_TRIED = """
    backtrace_functions default_table_access_method default_tablespace dynamic_library_path extension_control_path
    extension_destdir local_preload_libraries output_plugin_libraries session_preload_libraries temp_tablespaces
    wal_consistency_checking zero_damaged_pages ignore_checksum_failure allow_in_place_tablespaces
    allow_system_table_mods idle_session_timeout application_name lc_messages max_stack_depth temp_buffers
    client_connection_check_interval tcp_user_timeout default_text_search_config createrole_self_grant
    transaction_deferrable transaction_isolation transaction_read_only commit_delay
"""  # they need files or memory, close the connections of the test itself, or cannot be a database's default
NAMES = {name: reason for reason, names in LEFT_ALONE.items() for name in names.split()}
NOT_TRIED_NAMES = frozenset(NOT_TRIED.split())
