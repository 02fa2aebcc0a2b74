"""Definitions of the stranger: an asset with a partition a day, its job, a sensor, an executor, a logger."""

import logging

import dagster as dg


@dg.asset(partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
def sales(context: dg.AssetExecutionContext) -> None:
    """The sales of a day."""
    context.log.info("the sales of %s", context.partition_key)


sales_job = dg.define_asset_job("sales_job", selection=[sales])


@dg.sensor(job=sales_job)
def gateway_sensor() -> dg.SkipReason:
    """Do nothing."""
    return dg.SkipReason("nothing is new")


@dg.logger(description="Logs of the shop.")
def shop_logger(_context: dg.InitLoggerContext) -> logging.Logger:
    """Return a logger without handlers."""
    return logging.Logger("shop")


defs = dg.Definitions(
    assets=[sales],
    jobs=[sales_job],
    sensors=[gateway_sensor],
    resources={"gateway": dg.ResourceDefinition.hardcoded_resource("of the shop")},
    executor=dg.multiprocess_executor.configured({"max_concurrent": 2}, name="shop_executor"),
    loggers={"shop": shop_logger},
)
