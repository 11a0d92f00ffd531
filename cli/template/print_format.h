// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The function printf of templates.
#pragma once

#include "cli/template/functions.h"

namespace davit::cli {

// "%s %v %q %d %x %t %f %%", with the flags "-", "0" and "+", a width and a precision up to 4096 and 64.
// The first argument is the format.
TemplateOutcome PrintFormatted(const std::vector<TemplateValue>& arguments);

}  // namespace davit::cli
