"""The posterior of spend beside a long NUTS run of numpyro, on the same cells with the same prior.

numpyro lives in an environment of its own; the likelihood is written anew there::

    python -m venv peers && peers/bin/pip install numpyro arviz pandas pyarrow
    python -m benchmarks.posterior_peers --peers peers/bin/python [--draws 20000]

Prints the distance of the quantiles in standard deviations; docs/models.md holds the table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.fitting.parameter_posterior import PRIOR

QUANTILES = (0.05, 0.5, 0.95)
NUTS = """
import json, sys
import arviz, jax, numpyro
jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp, numpy as np, numpyro.distributions as dist, pandas as pd
from jax.scipy.special import gammaln
from numpyro.infer import MCMC, NUTS
cells = pd.read_parquet(sys.argv[1])
draws, scale, prior = int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
x, m, n = (jnp.array(cells[c].to_numpy(float)) for c in ("frequency", "monetary_value", "customers"))
unit = jnp.array([1.0, 1.0, scale])
def model():
    p, q, v = jnp.exp(numpyro.sample("z", dist.Normal(0, prior).expand([3]).to_event(1))) * unit
    each = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * jnp.log(v) + (p * x - 1) * jnp.log(m)
    numpyro.factor("ll", n @ (each + p * x * jnp.log(x) - (p * x + q) * jnp.log(v + x * m)))
chains = MCMC(NUTS(model, dense_mass=True, target_accept_prob=0.9), num_warmup=2000, num_samples=draws,
              num_chains=4, chain_method="sequential", progress_bar=False)
chains.run(jax.random.PRNGKey(7))
found = np.exp(np.asarray(chains.get_samples(group_by_chain=True)["z"])) * np.asarray(unit)
flat = found.reshape(-1, 3)
print(json.dumps({
    "tail": [float(arviz.ess(found[..., i], method="tail")) for i in range(3)],
    "sd": flat.std(0).tolist(), "q": np.quantile(flat, [0.05, 0.5, 0.95], axis=0).T.tolist()}))
"""


def main() -> None:
    """Both, and how far apart they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--peers", required=True, help="python of the other environment")
    parser.add_argument("--draws", type=int, default=20_000, help="of each of four chains")
    given = parser.parse_args()
    summary = btyd.summarize(CustomerBase.open("data/cdnow").as_of("1997-09-30"), unit="W")
    start = time.process_time()
    spend = btyd.GammaGamma.fit(summary)
    found = btyd.parameter_posterior(spend, summary)
    ours = time.process_time() - start
    _, unit = spend.objective(summary)
    with tempfile.TemporaryDirectory() as folder:
        cells, script = Path(folder) / "cells.parquet", Path(folder) / "nuts.py"
        kept = summary.spend_cells.query("frequency > 0 and monetary_value > 0")
        kept.to_parquet(cells)
        script.write_text(NUTS)
        words = [given.peers, script, cells, str(given.draws), str(unit[2]), str(PRIOR)]
        said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    theirs = json.loads(said.splitlines()[-1])
    table = found.quantiles(QUANTILES)
    apart = (table - pd.DataFrame(theirs["q"], table.index, table.columns)).div(theirs["sd"], axis=0)
    print(f"{ours:.2f} s; k {found.k:.2f}, worth {found.effective:,.0f} draws")
    print("tail effective sizes of NUTS", [f"{size:,.0f}" for size in theirs["tail"]])
    print(apart.round(3))


if __name__ == "__main__":
    main()
