// The body that the senders of the benchmark post: of the same length as that of an iu_pipelines delivery.
export const body = (id) => JSON.stringify({
  id: `evt_${id.replaceAll("-", "")}_1`, type: "version_applied", time: "2026-11-27T12:00:00.123456+00:00",
  event_id: id, domain: "iu", stream: "update", canonical_address: "BENCH/unit/12345",
  subject_table: "information_unit", subject_ref: id, actor_ref: "bench",
  classification: "internal_reference", sequence: 12345, replayed: false,
  data: { op: "update", rev: 12345, note: "x".repeat(56), actor: "agent.writer.3", unit_id: "0".repeat(32) },
});
