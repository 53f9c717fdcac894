#include "options.h"

int
options_read(struct probe_options *options, const struct health_settings *settings,
             struct pool *pool, struct error *error)
{
    struct error problem;

    if (!settings->has_uuid || settings->target == NULL)
        return error_set(error,
                         "the settings health.uuid (of a device that is for probes only) and "
                         "health.target (http://… of yours, that answers %u) are needed",
                         settings->status);
    options->timeout_ms = settings->timeout * 1000;
    options->at_once = settings->at_once;
    options->ca_file = settings->ca_file;
    if (target_parse(&options->target, settings->target, settings->status, 0, pool, &problem) !=
            0 ||
        (settings->second_target != NULL &&
         target_parse(&options->second, settings->second_target, settings->status, 0, pool,
                      &problem) != 0) ||
        (settings->large_target != NULL && target_parse(&options->large, settings->large_target,
                                                        200, 128 * 1024, pool, &problem) != 0))
        return error_set(error, "health: %s", problem.text);
    return 0;
}
