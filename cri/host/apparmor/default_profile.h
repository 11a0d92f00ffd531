// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What AppArmor lets a container do that asks for nothing special.
#pragma once

#include <string>

namespace davit {

constexpr char kDefaultAppArmorProfile[] = "davit-default";

// The source of the profile (apparmor.d(5)). `abi` is the file below /etc/apparmor.d with the features that
// it was written for, "abi/3.0"; empty: the parser's own default counts.
std::string DefaultAppArmorPolicy(const std::string& abi);

}  // namespace davit
