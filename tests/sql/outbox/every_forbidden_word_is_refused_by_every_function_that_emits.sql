select same(array(select word from fn_iu_payload_words() order by word), array[
    'authorization', 'body', 'content', 'cookie', 'credential', 'embedding', 'key', 'pass', 'pwd', 'secret',
    'token', 'vector'
]);
select holds(
    k.key ~ ('^(' || w.key_pattern || ')') and position(w.word in k.key) > 0,
    'a sample of ' || w.word || ': ' || k.key
)
from fn_iu_payload_words() as w inner join forbidden_keys() as k on k.word = w.word;
select holds(
    not exists (select from regexp_split_to_table(w.key_pattern, '\|(?![^(]*\))') as a where not exists (
        select from forbidden_keys() as k where k.word = w.word and k.key ~ ('^(' || a || ')')
    )), 'every alternative of ' || w.word || ' has a sample'
)
from fn_iu_payload_words() as w;
select same((select string_agg(format('%s by %s in %s', key, door, place), ', ') from leaks()), null);
select same((select count(*) from event_outbox), 0);
