/**
 * The program that runs inside the engine: a function of a thread's inputs that gives JSON text, `{value}` or
 * `{requests}`. Helpers are not functions of the host: the first use of one notes what is wanted and ends the evaluation,
 * which is repeated when the host has fetched it.
 *
 * The user's text begins on the second line, so its lines are found by taking one off.
 */
export function programOf(body: string, predicate: boolean): string {
  return `((inputs,given,stringify,parse,has)=>{const wanted=[];const helper=(kind)=>(argument)=>{const key=kind+":"+argument;if(has(given,key))return given[key];if(wanted.length<100)wanted.push({kind,argument:""+argument});throw new Error(kind+"("+argument+") is not at hand")};globalThis.variable=helper("variable");globalThis.resource=helper("resource");globalThis.flow_user_state=helper("flow_user_state");for(const name in inputs)globalThis[name]=inputs[name];const end=(value,failed)=>wanted.length>0?stringify({requests:wanted}):failed?Promise.reject(value):'{"value":'+(stringify(${predicate ? "!!value" : "value"})??"null")+"}";return(async()=>{
${body}
})().then((value)=>end(value,false),(error)=>end(error,true))})(JSON.parse(globalThis.__inputs),JSON.parse(globalThis.__answers),JSON.stringify,JSON.parse,Object.hasOwn)`;
}

export const LINES_BEFORE = 1;
