/*
 * Client apps by their User-Agent: which form an app reads best, and what it knows.
 *
 * One ordered table of starts; the first that fits counts. Starts are anchored, since apps carry
 * other apps' names ("HiddifyNext/4.1 (android) like ClashMeta v2ray sing-box"). An operator's own
 * rules (setting user_agents) come first. Sources: the apps' own code where it is open.
 */
#ifndef SIGNPOST_AGENT_H
#define SIGNPOST_AGENT_H

#include <stddef.h>
#include <stdint.h>

#include "format.h"

struct agent_rule {
    const char *start;    /* of the User-Agent, in whatever case; "" fits all */
    const char *contains; /* must be anywhere in it, in whatever case; NULL: nothing must */
    const char *since;    /* the version behind the start must be this or newer; NULL: any */
    const char *app;      /* who that is, for people */
    enum format format;   /* FORMAT_NONE: nobody to give a subscription to */
    uint32_t known;       /* features (feature.h) */
};

/* An operator's rules. */
struct agent_rules {
    const struct agent_rule *rules;
    size_t count;
};

/* What a core knows, by the word of the setting: "xray", "sing-box", "mihomo". Returns 0 for none.
 */
uint32_t agent_known(const char *core);

/*
 * The first rule that fits, among the operator's (NULL: none) and then ours; NULL when none does.
 * user_agent may be NULL.
 */
const struct agent_rule *agent_find(const char *user_agent, const struct agent_rules *own);

/*
 * The sing-box frame for a User-Agent: by the version that follows "sing-box" in it; the newest
 * when there is none.
 */
enum frame agent_frame(const char *user_agent);

#endif
