-- $1 temperatures (float8[])
-- result_collection=last_statement_first_row_scalar
select avg(temperature) from unnest($1) as temperature
