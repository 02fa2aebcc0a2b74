-- Proof of 070: every object of the manifest exists, with its owner and its privileges.
select public.fn_iu_module_prove('iu-delivery');
select public.fn_iu_proof_end('iu-delivery/070_functions');
