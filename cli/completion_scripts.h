// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What shells run to complete command lines of davit.
#pragma once

#include <string>

namespace davit::cli {

// For "bash", "zsh" or "fish". The script only asks `davit __complete WORD...` and hands the answer on: what
// there is to complete, only the command itself knows.
std::string CompletionScript(const std::string& shell);

}  // namespace davit::cli
