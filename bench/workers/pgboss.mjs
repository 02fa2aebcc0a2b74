// Worker of pg-boss: `fill URL COUNT` or `consume URL COUNT`. Fetches 1,000 jobs, inserts their audit rows, completes them.
// `install URL` creates its schema and a queue; `statement URL` prints the statement that `send` sends to the server.
import { randomUUID } from "node:crypto";
import { PgBoss } from "pg-boss";
import pg from "pg";

const [mode, connectionString, count] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const sent = [];
const recording = new pg.Pool({ connectionString, max: 2 });
const executeSql = (sql, values) => {
  sent.push({ sql, value: values?.[0] });
  return recording.query(sql, values);
};
const how = mode === "statement" ? { db: { executeSql } } : { connectionString };
const boss = new PgBoss({ ...how, supervise: false, schedule: false });
await boss.start();

if (mode === "install" || mode === "statement") {
  await boss.createQueue("bench");
  if (mode === "statement") {
    await boss.send("bench", { first: true });
    await boss.send("bench", { payload: "PAYLOAD" });
    const last = sent.filter((one) => one.value?.includes?.("PAYLOAD")).at(-1);
    console.log(JSON.stringify({ ...last, value: last.value.replace('{"payload":"PAYLOAD"}', '"PAYLOAD"') }));
  }
  process.exit(0);
}

if (mode === "fill") {
  await boss.createQueue("audit");
  for (let begin = 0; begin < count; begin += 1000) {
    const size = Math.min(1000, count - begin);
    await boss.insert("audit", Array.from({ length: size }, () => ({ data: { id: randomUUID(), note: "x".repeat(150) } })));
  }
  process.exit(0);
}

const pool = new pg.Pool({ connectionString, max: 2 });
let events = 0;
const begun = performance.now();
while (events < count) {
  const jobs = await boss.fetch("audit", { batchSize: 1000 });
  if (!jobs.length) break;
  await pool.query("insert into public.peer_audit (event_id) select unnest($1::uuid[])", [jobs.map((job) => job.data.id)]);
  await boss.complete("audit", jobs.map((job) => job.id));
  events += jobs.length;
}
console.log(JSON.stringify({ events, seconds: (performance.now() - begun) / 1000 }));
process.exit(0);
