// pg-boss: `fill URL COUNT`, or `consume URL COUNT RECEIVER [each|batch]`. Fetches 200 jobs, posts them by undici, 64 at a
// time, inserts an audit row for each send (`each`) or all rows of a batch in one statement (`batch`), and completes the jobs.
// Two batches are in work at a time.
import { randomUUID } from "node:crypto";
import { PgBoss } from "pg-boss";
import pg from "pg";
import { Pool } from "undici";
import { body } from "./webhook_body.mjs";

const [mode, connectionString, count, receiver, rows] = [process.argv[2], process.argv[3], Number(process.argv[4]), process.argv[5], process.argv[6]];
const boss = new PgBoss({ connectionString, supervise: false, schedule: false });
await boss.start();

if (mode === "fill") {
  await boss.createQueue("post");
  for (let begin = 0; begin < count; begin += 1000) {
    const ids = Array.from({ length: Math.min(1000, count - begin) }, () => randomUUID());
    await boss.insert("post", ids.map((id) => ({ data: { id, text: body(id) } })));
  }
  process.exit(0);
}

const pool = new pg.Pool({ connectionString, max: 16 });
const client = new Pool(receiver, { connections: 64 });
const insert = (ids) => pool.query({
  name: "audit", values: [ids],
  text: "insert into public.peer_audit (event_id, status, decision, delivered) select id, 'sent', 'sent', true from unnest($1::uuid[]) as id",
});
const post = async (job) => {
  const answer = await client.request({ path: "/", method: "POST", headers: { "content-type": "application/json" }, body: job.data.text });
  await answer.body.dump();
  if (answer.statusCode !== 204) throw new Error(`status ${answer.statusCode}`);
  if (rows === "each") await insert([job.data.id]);
};
let events = 0;
const loop = async () => {
  for (let jobs; (jobs = await boss.fetch("post", { batchSize: 200 })).length; events += jobs.length) {
    await Promise.all(jobs.map(post));
    if (rows === "batch") await insert(jobs.map((job) => job.data.id));
    await boss.complete("post", jobs.map((job) => job.id));
  }
};
const [begun, used] = [performance.now(), process.cpuUsage()];
await Promise.all([loop(), loop()]);
const cpu = process.cpuUsage(used);
console.log(JSON.stringify({ events, seconds: (performance.now() - begun) / 1000, cpu: (cpu.user + cpu.system) / 1e6 }));
process.exit(0);
