select refused(
    format(
        $q$select fn_iu_emit_events('[{"event_type": "version_applied", "canonical_address": "orders/5", '
        '"subject_ref": "%s", "actor_ref": "shop", "safe_payload": {}}]')$q$, subject
    ), 'IU104', format('event 1: argument subject_ref is malformed: ''%s''', subject),
    '%fn_iu_subject(''shop.orders'', ''5'')%iu emit --subject-table shop.orders --subject-key 5'
)
from unnest(array['5', 'orders/5', '00000000-0000-4000-8000-00000000000', 'x y', '']) as subject;
