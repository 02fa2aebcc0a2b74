select emit(payload => '{"note": "refs-only: no body, no secret, no vector", "reason": "\"body\": 1"}');
select emit(payload => '{"refs": ["body", "token"], "note": "a \\ backslash and \"quotes\": here"}');
select same((select count(*) from event_outbox), 2);
