// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// From the texts of Compose files to a project.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "cli/compose/model/problem.h"
#include "cli/compose/model/project.h"

namespace davit::cli::compose {

struct LoadRequest {
  std::vector<std::string> files = {};     // absolute paths, or "-"; at least one
  std::string directory = {};              // of the project; absolute
  std::string name = {};                   // of the project; empty: as the files or the directory say
  std::vector<std::string> profiles = {};  // "*": all
  std::vector<std::string> chosen = {};    // services whose profiles are chosen, too
  Environment environment = {};            // for variables, with those of .env
};

// Reads a file as a whole. kNotFound if there is none.
using ReadText = std::function<Result<std::string>(const std::string& path)>;

// At most so many files, with those that include and extends name.
inline constexpr size_t kMostFiles = 50;

// Reads nothing but by `read`.
std::expected<Project, Problems> LoadProject(const LoadRequest& request, const ReadText& read);

// "My App" becomes "myapp". Empty if nothing is left.
std::string ProjectNameOf(const std::string& directory);
// Lower-case letters, digits, "-" and "_", with a letter or digit in front, at most 40.
bool IsProjectName(const std::string& name);

}  // namespace davit::cli::compose
