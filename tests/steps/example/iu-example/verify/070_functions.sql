-- Proof of 070: the manifest of the example module holds.
select public.fn_iu_module_prove('iu-example');
select public.fn_iu_proof_end('iu-example/070_functions');
