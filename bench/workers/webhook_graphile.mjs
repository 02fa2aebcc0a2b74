// graphile-worker: `fill URL COUNT` or `consume URL COUNT RECEIVER`. 64 concurrent tasks post by undici and insert an
// audit row; a local queue, batched completion.
import { randomUUID } from "node:crypto";
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";
import { Pool } from "undici";
import { body } from "./webhook_body.mjs";

const [mode, connectionString, count, receiver] = [process.argv[2], process.argv[3], Number(process.argv[4]), process.argv[5]];
const logger = new Logger(() => () => {});

if (mode === "fill") {
  const utils = await makeWorkerUtils({ connectionString, logger });
  await utils.migrate();
  for (let begin = 0; begin < count; begin += 1000) {
    const ids = Array.from({ length: Math.min(1000, count - begin) }, () => randomUUID());
    await utils.addJobs(ids.map((id) => ({ identifier: "post", payload: { id, text: body(id) } })));
  }
  await utils.release();
  process.exit(0);
}

const pgPool = new pg.Pool({ connectionString, max: 20 });
const client = new Pool(receiver, { connections: 64 });
let completed = 0;
let finish;
const finished = new Promise((resolve) => (finish = resolve));
const [begun, used] = [performance.now(), process.cpuUsage()];
const runner = await run({
  pgPool, logger, concurrency: 64, noHandleSignals: true,
  preset: { worker: { pgPool, logger, concurrentJobs: 64, localQueue: { size: 500 }, completeJobBatchDelay: 0 } },
  taskList: {
    post: async ({ id, text }) => {
      const answer = await client.request({ path: "/", method: "POST", headers: { "content-type": "application/json" }, body: text });
      await answer.body.dump();
      if (answer.statusCode !== 204) throw new Error(`status ${answer.statusCode}`);
      await pgPool.query({
        name: "audit", values: [id],
        text: "insert into public.peer_audit (event_id, status, decision, delivered) values ($1, 'sent', 'sent', true)",
      });
    },
  },
});
runner.events.on("job:complete", () => { completed += 1; if (completed === count) finish(); });
await Promise.race([finished, new Promise((resolve) => setTimeout(resolve, 300_000))]);
const [seconds, cpu] = [(performance.now() - begun) / 1000, process.cpuUsage(used)];
await runner.stop();
console.log(JSON.stringify({ events: completed, seconds, cpu: (cpu.user + cpu.system) / 1e6 }));
process.exit(0);
