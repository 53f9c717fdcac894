#include "refusal.h"

static const struct {
    const char *token;
    const char *text;
} words[REFUSALS] = {
    [REFUSAL_NONE] = {"none", "not refused"},
    [REFUSAL_UNKNOWN] = {"unknown", "there is no such device"},
    [REFUSAL_DEVICE_STATUS] = {"device-status", "the device is not active"},
    [REFUSAL_NO_USER] = {"no-user", "the device's user does not exist"},
    [REFUSAL_USER_STATUS] = {"user-status", "the user is not active"},
    [REFUSAL_EXPIRED] = {"expired", "the user has expired"},
    [REFUSAL_ADDRESS] = {"address", "its UUID is no address (uuid_addresses), and no token counts"},
    [REFUSAL_NO_CORE] = {"no-core", "the user has no core_nodes"},
    [REFUSAL_NOTHING] = {"nothing", "no route or endpoint is left for this user"},
    [REFUSAL_PROBE] = {"probe", "its UUID is for probes (setting health)"},
    [REFUSAL_ROBOT] = {"robot", "link previews, robots and whoever a rule says so get none"},
    [REFUSAL_CLIENT] = {"client", "no endpoint is left that this client app understands"},
    [REFUSAL_STATUS] = {"status", "it is not active"},
    [REFUSAL_ENTRY_STATUS] = {"entry-status", "its entry node is not active"},
    [REFUSAL_CORE_STATUS] = {"core-status", "its core node is not active"},
    [REFUSAL_NO_DOMAIN] = {"no-domain", "its entry has no active domain"},
    [REFUSAL_DOMAIN_STATUS] = {"domain-status", "its domain is not active"},
    [REFUSAL_UNUSABLE] = {"unusable", "its client settings cannot work (see signpost check)"},
    [REFUSAL_OTHER_CORE] = {"other-core", "it belongs to another core than the setting names"},
    [REFUSAL_NOT_ON_CORE] = {"not-on-core", "its core is not among the user's core_nodes"},
    [REFUSAL_GROUP] = {"group", "it is for groups that the user is not in"},
};

const char *
refusal_text(enum refusal refusal)
{
    return words[refusal].text;
}

const char *
refusal_token(enum refusal refusal)
{
    return words[refusal].token;
}
