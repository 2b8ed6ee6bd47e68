# SPDX-License-Identifier: Apache-2.0
"""What the dashboard shows: rows of panels, their queries, and the variables they share."""

from __future__ import annotations

from deploy.monitor_panels import BIAS_ROW, EARLY_ROW, OUTCOME_ROW, TESTED
from deploy.panel import DISTANCE, FEATURE, GREEN_RED, MODEL, Panel, Query

DRIFT = f'monitor="data_drift", {TESTED}, {FEATURE}'
# A segment's quality has the segment for a feature.
QUALITY = f'monitor="model_quality", feature="", {MODEL}'
METRIC = f'{QUALITY}, statistic="$metric"'

ROWS: dict[str, tuple[Panel, ...]] = {
    "Violations": (
        Panel(
            "stat",
            "Violated checks",
            "In the newest judged window of every monitor.",
            (Query(f'sum(sketchwatch_window_verdicts{{outcome="violation", {MODEL}}})'),),
            width=4,
            height=6,
            steps=GREEN_RED,
        ),
        Panel(
            "stat",
            "Judged up to",
            "End of the newest judged window, in event time. Model quality waits for its labels.",
            (Query(f"max by (monitor) (sketchwatch_window_end_timestamp_seconds{{{MODEL}}}) * 1000", "{{monitor}}"),),
            width=10,
            height=6,
            unit="dateTimeAsIso",
        ),
        Panel(
            "stat",
            "Verdicts by outcome",
            "In the newest judged window of every monitor.",
            (Query(f"sum by (outcome) (sketchwatch_window_verdicts{{{MODEL}}})", "{{outcome}}"),),
            width=10,
            height=6,
        ),
        Panel(
            "timeseries",
            "Violated checks per monitor",
            "Of the window that was newest at the time.",
            (
                Query(
                    f'sum by (model, monitor) (sketchwatch_window_verdicts{{outcome="violation", {MODEL}}})',
                    "{{model}} {{monitor}}",
                ),
            ),
        ),
        Panel(
            "timeseries",
            "Violation records sent",
            "Violations, early warnings, confirmations and resolutions as they are published.",
            (
                Query(
                    f"sum by (monitor, outcome) (increase(sketchwatch_violations_total{{{MODEL}}}[$__rate_interval]))",
                    "{{monitor}} {{outcome}}",
                ),
            ),
        ),
        Panel(
            "table",
            "Checks of the newest window, violated first",
            "Value, threshold and probability of such a value in a healthy window.",
            tuple(
                Query(f"max by (model, monitor, feature, statistic) (sketchwatch_verdict_{name}{{{FEATURE}}})")
                for name in ("violating", "value", "threshold", "pvalue")
            ),
            columns=("violated", "value", "threshold", "p"),
        ),
    ),
    "Drift per feature and hour": (
        Panel(
            "status-history",
            "Distance from the baseline",
            "Largest distance of each feature in the cell's time; over a range of 24 hours a cell is one hour.",
            (
                Query(
                    f"max by (feature) (max_over_time(sketchwatch_verdict_value{{{DRIFT}}}[$__interval]))",
                    "{{feature}}",
                ),
            ),
            width=12,
            height=12,
            steps=DISTANCE,
            decimals=2,
            points=24,
        ),
        Panel(
            "status-history",
            "Features with a violated check",
            "Drift and data quality together: 1 where a check of the feature was violated in the cell's time.",
            (
                Query(
                    "max by (feature) (max_over_time(sketchwatch_verdict_violating"
                    f'{{monitor=~"data_drift|data_quality", {FEATURE}}}[$__interval]))',
                    "{{feature}}",
                ),
            ),
            width=12,
            height=12,
            steps=GREEN_RED,
            points=24,
        ),
        Panel(
            "timeseries",
            "Distance less sketch error",
            "A violation needs it above the threshold, and significant over all features together.",
            (
                Query(
                    f"sketchwatch_verdict_value{{{DRIFT}}} - (sketchwatch_verdict_error{{{DRIFT}}} or "
                    f"0 * sketchwatch_verdict_value{{{DRIFT}}})",
                    "{{feature}} {{statistic}}",
                ),
                Query(f"max(sketchwatch_verdict_threshold{{{DRIFT}}})", "threshold"),
            ),
            width=24,
        ),
    ),
    "Early warnings and further distances": EARLY_ROW,
    "Model quality": (
        Panel(
            "timeseries",
            "$metric with its 95 % interval",
            "Against the limit taken from the baseline. A window is judged once its labels are in.",
            (
                Query(f"max(sketchwatch_verdict_lower{{{METRIC}}})", "lower"),
                Query(f"max(sketchwatch_verdict_upper{{{METRIC}}})", "upper"),
                Query(f"max(sketchwatch_verdict_value{{{METRIC}}})", "$metric"),
                Query(f"max(sketchwatch_verdict_threshold{{{METRIC}}})", "threshold"),
            ),
            width=8,
            height=10,
            band=("lower", "upper"),
        ),
        Panel(
            "timeseries",
            "$metric of the last rows",
            "Of the last labelled rows, whatever their windows, where a definition asks for them.",
            (
                Query(f"max(sketchwatch_last_rows_verdict_lower{{{METRIC}}})", "lower"),
                Query(f"max(sketchwatch_last_rows_verdict_upper{{{METRIC}}})", "upper"),
                Query(f"max(sketchwatch_last_rows_verdict_value{{{METRIC}}})", "$metric"),
                Query(f"max(sketchwatch_last_rows_verdict_threshold{{{METRIC}}})", "threshold"),
            ),
            width=6,
            height=10,
            band=("lower", "upper"),
        ),
        Panel(
            "table",
            "Metrics of the newest window",
            "With both ends of the 95 % interval and the limit.",
            tuple(
                Query(f"max by (model, statistic) (sketchwatch_verdict_{name}{{{QUALITY}}})")
                for name in ("value", "lower", "upper", "threshold", "violating")
            ),
            width=10,
            height=10,
            columns=("value", "lower", "upper", "threshold", "violated"),
        ),
    ),
    "Bias by facet": BIAS_ROW,
    "Attributions and embeddings": OUTCOME_ROW,
    "Labels": (
        Panel(
            "timeseries",
            "Label coverage",
            "Share of the newest judged window's events that have a label.",
            (
                Query(
                    f"max by (model, monitor) (sketchwatch_window_label_coverage_ratio{{{MODEL}}})",
                    "{{model}} {{monitor}}",
                ),
            ),
            width=6,
            unit="percentunit",
            most=1,
        ),
        Panel(
            "timeseries",
            "Rows of a window",
            "All, labelled, late and repeated rows of the newest judged window.",
            tuple(
                Query(
                    f"max by (monitor) (sketchwatch_window_{name}{{{MODEL}}})", "{{monitor}} " + name.replace("_", " ")
                )
                for name in ("rows", "labelled_rows", "late_rows", "duplicate_rows")
            ),
            width=6,
        ),
        Panel(
            "timeseries",
            "Waiting",
            "Predictions that wait for their label, and labels that came before their prediction.",
            (Query("sum by (side) (sketchwatch_pending_rows)", "{{side}}"),),
            width=6,
        ),
        Panel(
            "timeseries",
            "Lateness of events",
            "How far behind its stream time an event came. Grace should cover the 99th percentile.",
            tuple(
                Query(
                    f"histogram_quantile({q}, sum by (le) "
                    '(rate(sketchwatch_event_lateness_seconds_bucket{model=~"$model"}[$__rate_interval])))',
                    f"p{q * 100:g}",
                )
                for q in (0.5, 0.99)
            ),
            width=6,
            unit="s",
        ),
    ),
    "Pipeline health": (
        Panel(
            "timeseries",
            "Rows accepted",
            "Events and labels a second.",
            (
                Query(
                    "sum by (model, side) (rate(sketchwatch_ingested_rows_total[$__rate_interval]))",
                    "{{model}} {{side}}",
                ),
            ),
            width=6,
            unit="rowsps",
        ),
        Panel(
            "timeseries",
            "Consumer lag",
            "Records between the end of a source partition and its last checkpoint.",
            (Query("sum by (topic, partition) (sketchwatch_consumer_lag_records)", "{{topic}} {{partition}}"),),
            width=6,
        ),
        Panel(
            "timeseries",
            "Checkpoint age",
            "What a crash now would make the worker read again.",
            (
                Query(
                    "time() - max by (partition) (sketchwatch_last_checkpoint_timestamp_seconds)",
                    "partition {{partition}}",
                ),
            ),
            width=6,
            unit="s",
        ),
        Panel(
            "timeseries",
            "Checkpoint duration",
            "Transaction included.",
            tuple(
                Query(
                    f"histogram_quantile({q}, sum by (le) "
                    "(rate(sketchwatch_checkpoint_duration_seconds_bucket[$__rate_interval])))",
                    f"p{q * 100:g}",
                )
                for q in (0.5, 0.99)
            ),
            width=6,
            unit="s",
        ),
        Panel(
            "timeseries",
            "Rows refused",
            "Dead letters by reason.",
            (
                Query(
                    "sum by (topic, reason) (rate(sketchwatch_rejected_rows_total[$__rate_interval]))",
                    "{{topic}} {{reason}}",
                ),
            ),
            width=6,
            unit="rowsps",
        ),
        Panel(
            "timeseries",
            "Rows out of the ordinary",
            "Late, expired, repeated, of an unknown model, beyond a limit, or on a wrong partition.",
            (
                Query("sum by (reason) (rate(sketchwatch_exceptional_rows_total[$__rate_interval]))", "{{reason}}"),
                Query("sum(rate(sketchwatch_forwarded_rows_total[$__rate_interval]))", "forwarded"),
            ),
            width=6,
            unit="rowsps",
        ),
        Panel(
            "timeseries",
            "Memory",
            "Resident set of each worker.",
            (Query('process_resident_memory_bytes{job="sketchwatch"}', "{{instance}}"),),
            width=6,
            unit="bytes",
        ),
        Panel(
            "timeseries",
            "Processor",
            "Cores in use by each worker.",
            (Query('rate(process_cpu_seconds_total{job="sketchwatch"}[$__rate_interval])', "{{instance}}"),),
            width=6,
        ),
    ),
}

# Name, query, and for a variable of one value the one it begins with: the first there is if empty.
VARIABLES = (
    ("model", "label_values(sketchwatch_window_rows, model)", None),
    ("version", 'label_values(sketchwatch_window_rows{model=~"$model"}, model_version)', None),
    ("feature", 'label_values(sketchwatch_verdict_violating{model=~"$model"}, feature)', None),
    (
        "metric",
        'label_values(sketchwatch_verdict_value{monitor="model_quality", model=~"$model"}, statistic)',
        "accuracy",
    ),
    ("facet", 'label_values(sketchwatch_verdict_value{monitor="bias", model=~"$model"}, feature)', ""),
    ("bias", 'label_values(sketchwatch_verdict_value{monitor="bias", model=~"$model"}, statistic)', "DPL"),
)
