// Worker of graphile-worker: `install URL`, `fill URL COUNT` or `consume URL COUNT`.
// Ten concurrent tasks, a local queue, batched completion.
import { randomUUID } from "node:crypto";
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";

const [mode, connectionString, count] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const logger = new Logger(() => () => {});

if (mode === "fill" || mode === "install") {
  const utils = await makeWorkerUtils({ connectionString, logger });
  await utils.migrate();
  for (let begin = 0; mode === "fill" && begin < count; begin += 1000) {
    const size = Math.min(1000, count - begin);
    await utils.addJobs(
      Array.from({ length: size }, () => ({ identifier: "audit", payload: { id: randomUUID(), note: "x".repeat(150) } })),
    );
  }
  await utils.release();
  process.exit(0);
}

const pgPool = new pg.Pool({ connectionString, max: 14 });
let completed = 0;
let finish;
const finished = new Promise((resolve) => (finish = resolve));
const begun = performance.now();
const runner = await run({
  pgPool, logger, concurrency: 10, noHandleSignals: true,
  preset: { worker: { pgPool, logger, concurrentJobs: 10, localQueue: { size: 500 }, completeJobBatchDelay: 0 } },
  taskList: {
    audit: async (payload) => {
      await pgPool.query("insert into public.peer_audit (event_id) values ($1)", [payload.id]);
    },
  },
});
runner.events.on("job:complete", () => { completed += 1; if (completed === count) finish(); });
await Promise.race([finished, new Promise((resolve) => setTimeout(resolve, 120_000))]);
const seconds = (performance.now() - begun) / 1000;
await runner.stop();
console.log(JSON.stringify({ events: completed, seconds }));
process.exit(0);
