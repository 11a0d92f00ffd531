// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Kernel parameters of a pod (sysctl(8)), as data: nothing of them is ever parsed again on the way to
// /proc/sys.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "shim/plan.h"

namespace davit {

// Which namespaces the pod has for itself. A parameter of one that it shares would change the host.
struct OwnNamespaces {
  bool network = true;  // and UTS, which goes with it
  bool ipc = true;
};

// Names may be written with dots or with slashes; the first separator says which (sysctl.d(5)). Sorted by
// name. kInvalidArgument for a parameter that no namespace of the pod holds, a malformed name, and a value of
// several lines.
Result<std::vector<Sysctl>> NamespacedSysctls(const std::map<std::string, std::string>& sysctls,
                                              OwnNamespaces own);

}  // namespace davit
