// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Options that several verbs have.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace davit::cli {

// One that may be given several times. Without allow_extra_args(false), "-p 80:80 IMAGE" would take the image
// as a second port.
inline CLI::Option* AddList(CLI::App& verb, const std::string& names, std::vector<std::string>& list,
                            const std::string& help, const std::string& form) {
  return verb.add_option(names, list, help)->type_name(form)->allow_extra_args(false);
}

// --format; the help names an example.
inline CLI::Option* AddFormat(CLI::App& verb, const std::string& names, std::string& text,
                              const std::string& help) {
  return verb.add_option(names, text, help + "; or \"table ...\" or json")->type_name("TEMPLATE");
}

// Docker's flag that Davit does not have: better an answer than "no such option". `instead` says why, or what
// to use; it may be empty.
inline void Refuse(CLI::App& verb, const std::string& names, const std::string& instead = {}) {
  auto refuse = [names, instead](const std::string&) {
    throw CLI::ValidationError(names, "not supported yet" + (instead.empty() ? "" : "; " + instead));
  };
  verb.add_option_function<std::string>(names, refuse)
      ->expected(0, 1)  // some have a value
      ->group("");
}

}  // namespace davit::cli
