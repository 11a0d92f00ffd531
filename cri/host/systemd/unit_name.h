// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Names of systemd's units as paths of cgroups (systemd.slice(5)).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit::cri {

// The path of a slice's cgroup. Each "-" of the name is a level: "a-b.slice" is "/a.slice/a-b.slice", and
// "-.slice" is "/". kInvalidArgument, with the reason as context, if the text is no name of a slice.
Result<std::string> ExpandSlice(std::string_view name);

// The last component of a path: "b.scope" for "/a.slice/b.scope".
std::string UnitOfPath(std::string_view path);
// The component before it: "a.slice".
std::string SliceOfPath(std::string_view path);

bool IsScope(std::string_view path);
bool IsSlice(std::string_view path);

}  // namespace davit::cri
