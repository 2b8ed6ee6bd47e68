# SPDX-License-Identifier: Apache-2.0
"""Numbers of the paper that the design follows, computed again by our own code beside the published ones.

Nigenda et al. (2022), Amazon SageMaker Model Monitor, arXiv:2111.13657.
"""

from __future__ import annotations

import numpy as np

from benchmarks import capture
from benchmarks._paper_attribution import german_credit_importances, ndcg_examples
from benchmarks._paper_bias import dpl_of_adult, figure_3, german_credit_bias
from benchmarks._paper_quality import appendix_b, blog_constraints
from benchmarks._paper_retraining import figure_2
from benchmarks.figures import Reproduced


def run(*, quick: bool) -> list[Reproduced]:
    """Compute every table."""
    rng = np.random.default_rng(2022)
    return [
        *dpl_of_adult(),
        *figure_3(rng),
        *appendix_b(),
        *blog_constraints(),
        *ndcg_examples(),
        *german_credit_importances(),
        *german_credit_bias(),
        *figure_2(quick=quick),
        *_capture_overhead(quick=quick),
    ]


def _capture_overhead(*, quick: bool) -> list[Reproduced]:
    """Section 5.2: capturing adds less than one per cent to the latency of an inference."""
    figures = {figure.name: figure.value for figure in capture.run(quick=quick)}
    return [
        Reproduced(f"paper.5_2.{name.removeprefix('capture.')}", figures[name], 0.0, 1.0)
        for name in ("capture.latency", "capture.cpu")
    ]
