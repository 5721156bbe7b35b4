// The routes that a zone has beside those of its addresses (lib/host/linux/zone-routes.ts).
#pragma once

#include <string>

#include "linux/network_namespace.h"

namespace smartadm {

// Adds what `file` asks for, a line each: "NETWORK<tab>GATEWAY<tab>LINK", - for none. Routes that are there stay, and
// those that cannot be, as no network leads to their gateway yet, are left out.
void AddZoneRoutes(const std::string& file, const netlink::Namespace& in);

}  // namespace smartadm
