// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The AppArmor profile of containers that do not request another one.
#pragma once

#include <string>

namespace davit::cri {

constexpr char kDefaultAppArmorProfile[] = "davit-default";

// The source text of the profile (apparmor.d(5)). `abi` is the feature ABI file below /etc/apparmor.d, such
// as "abi/3.0"; empty: the parser's default ABI.
std::string DefaultAppArmorPolicy(const std::string& abi);

}  // namespace davit::cri
