// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The values of --change.
#pragma once

#include <string>
#include <vector>

#include "api/davit/v1/filesystems.pb.h"
#include "base/error.h"

namespace davit::cli {

// Each is an instruction of a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER,
// VOLUME or WORKDIR. kInvalidArgument names what is wrong with one, such as a variable, of which none is set.
Result<::davit::v1::ImageChanges> ParseImageChanges(const std::vector<std::string>& changes);

}  // namespace davit::cli
