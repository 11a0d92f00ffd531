// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which seccomp and AppArmor profiles confine a container.
#pragma once

#include <string>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cri/spec/host_facts.h"

namespace davit {

struct SeccompChoice {
  enum Kind : uint8_t { kUnconfined, kRuntimeDefault, kLocalhost };
  Kind kind = kUnconfined;
  std::string path;  // of kLocalhost: an absolute path on the host

  bool operator==(const SeccompChoice&) const = default;
};

// Unconfined when nothing is said, as the API has it: the kubelet always says what it wants. A privileged
// container is unconfined whatever the profile says, even a wrong one. kInvalidArgument for an unknown type,
// a Localhost profile without an absolute path, and a path with another type.
Result<SeccompChoice> ChooseSeccomp(const ::runtime::v1::LinuxContainerSecurityContext& context);

// The name of the profile, empty for none. When nothing is said it is the default one where the host can have
// it and none elsewhere; when RuntimeDefault is said a host that cannot is kFailedPrecondition, as it is for
// a named profile. A privileged container has none but one that is named. kInvalidArgument as for seccomp.
Result<std::string> ChooseAppArmor(const ::runtime::v1::LinuxContainerSecurityContext& context,
                                   const HostFacts& host);

}  // namespace davit
