-- 070: the functions of live delivery. Repeatable, as 070 of the core.
select public.fn_iu_step_require('iu-delivery', '030_queue');

\ir ../objects/access.sql

-- Targets.
\ir ../objects/targets/tables.sql

-- Promotions.
\ir ../objects/promotions/tables.sql
\ir ../objects/promotions/fn_iu_login_require.sql
\ir ../objects/promotions/fn_iu_deployment.sql
\ir ../objects/promotions/fn_iu_promotion_configuration.sql
\ir ../objects/promotions/fn_iu_promotion_refusal.sql

-- Deliveries.
\ir ../objects/deliveries/tables.sql
\ir ../objects/deliveries/fn_iu_delivery_shard.sql
\ir ../objects/deliveries/fn_iu_delivery_in_canary.sql
\ir ../objects/deliveries/fn_iu_delivery_key.sql
\ir ../objects/deliveries/fn_iu_delivery_body.sql
\ir ../objects/deliveries/fn_iu_delivery_headers.sql

select public.fn_iu_step_record(
    'iu-delivery', '070_functions',
    '63f54a8829b05ed5682cde84832d2d24f7c796ddef77491a238b1d7cabc7a806'
);
