-- The access matrix of live delivery, in addition to that of the core.

delete from public.iu_schema_access as a
where a.module = 'iu-delivery';

select public.fn_iu_access_declare('iu-delivery', 'propose', 'workflow_admin', 'execute');
-- Auditors make evidence packs too.
select public.fn_iu_access_declare('iu-delivery', 'attest', 'workflow_admin', 'execute');
select public.fn_iu_access_declare('iu-delivery', 'attest', 'iu_auditor', 'execute');
select public.fn_iu_access_declare('iu-delivery', 'approve', 'iu_approver', 'execute');
select public.fn_iu_access_declare('iu-delivery', 'demote', 'workflow_admin', 'execute');
select public.fn_iu_access_declare('iu-delivery', 'demote', 'iu_approver', 'execute');
select public.fn_iu_access_declare('iu-delivery', 'deliver', 'iu_sender', 'execute');
select public.fn_iu_access_declare('iu-delivery', 'enqueue', 'iu_sender', 'execute');
select public.fn_iu_access_declare('iu-delivery', 'enqueue', 'workflow_admin', 'execute');
select public.fn_iu_access_declare('iu-delivery', 'explain', 'iu_sender', 'execute');
select public.fn_iu_access_declare('iu-delivery', 'explain', 'iu_approver', 'execute');
select public.fn_iu_access_declare('iu-delivery', 'explain', 'workflow_admin', 'execute');
select public.fn_iu_access_declare('iu-delivery', 'explain', 'iu_auditor', 'execute');
