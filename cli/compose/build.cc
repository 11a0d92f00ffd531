// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/images.h"

namespace davit::cli::compose {

Result<> BuildImage(const Session& /*session*/, const Project& /*project*/, const Service& service) {
  return Fail(Code::kUnimplemented, "services." + service.name, "build",
              "Davit does not build images yet: build it elsewhere, and name the image in image");
}

}  // namespace davit::cli::compose
