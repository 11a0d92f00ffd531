// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// An option that may be given several times.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace davit::cli {

// Without allow_extra_args(false), "-p 80:80 IMAGE" would take the image as a second port.
inline CLI::Option* AddList(CLI::App& verb, const std::string& names, std::vector<std::string>& list,
                            const std::string& help, const std::string& form) {
  return verb.add_option(names, list, help)->type_name(form)->allow_extra_args(false);
}

}  // namespace davit::cli
