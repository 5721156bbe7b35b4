// Events of the system.
#pragma once

#include <libnvpair.h>

extern "C" {

typedef void* sysevent_t;
typedef void evchan_t;
#define EVCH_CREAT 0x0001
#define EVCH_HOLD_PEND 0x0002
#define EVCH_SUB_KEEP 0x01
#define EVCH_ALLSUB "all_subs"
#define EC_ALL "register_all_classes"
#define ZONE_EVENT_CHANNEL "com.sun:zones:status"
#define ZONE_EVENT_STATUS_CLASS "status"
#define ZONE_EVENT_STATUS_SUBCLASS "change"
extern int sysevent_evc_bind(const char*, evchan_t**, uint32_t);
extern int sysevent_evc_unbind(evchan_t*);
extern int sysevent_evc_subscribe(evchan_t*, const char*, const char*, int (*)(sysevent_t*, void*), void*, uint32_t);
extern int sysevent_evc_unsubscribe(evchan_t*, const char*);
extern int sysevent_get_attr_list(sysevent_t*, nvlist_t**);
extern char* sysevent_get_class_name(sysevent_t*);
extern char* sysevent_get_subclass_name(sysevent_t*);
extern uint64_t sysevent_get_seq(sysevent_t*);

}  // extern "C"
