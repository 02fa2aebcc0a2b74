"""An outbox that is mounted in Python. Another one, `orders`, is mounted by the component."""

import dagster as dg

from iu_pipelines import Mount, build_defs

defs = build_defs(
    Mount(
        name="billing",
        database_url_variable="BILLING_DATABASE_URL",
        targets=("hook",),
        sender_database_url_variable="BILLING_SENDER_URL",
        executor=dg.multiprocess_executor.configured({"max_concurrent": 1}, name="billing_executor"),
    )
)
