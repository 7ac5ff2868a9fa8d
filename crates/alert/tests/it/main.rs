//! What alerts do together: filters of others, NULL, histories, nights at rest.

mod conditions;
mod filters;
mod nights;
mod random;
mod support;
