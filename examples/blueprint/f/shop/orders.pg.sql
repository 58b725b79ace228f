-- result_collection=last_statement_first_row
select 1 as n;
