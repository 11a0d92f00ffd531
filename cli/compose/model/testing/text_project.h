// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: projects from texts.
#pragma once

#include <map>
#include <string>

#include "cli/compose/model/load.h"

namespace davit::cli::compose {

// The files of a scratch project in /p; the first one is read, and those after it that begin with "over".
class TextFiles {
 public:
  explicit TextFiles(std::map<std::string, std::string> files) : files_(std::move(files)) {}

  std::expected<Project, Problems> Load(LoadRequest request = {}) const {
    if (request.files.empty()) {
      request.files = {"/p/compose.yaml"};
      for (const auto& [path, text] : files_)
        if (path.starts_with("/p/over")) request.files.push_back(path);
    }
    request.directory = "/p";
    if (request.name.empty()) request.name = "shop";
    return LoadProject(request, [this](const std::string& path) -> Result<std::string> {
      auto file = files_.find(path);
      if (file == files_.end()) return Fail(Code::kNotFound, "open", path, "no such file");
      return file->second;
    });
  }

 private:
  std::map<std::string, std::string> files_;
};

inline std::expected<Project, Problems> LoadText(const std::string& text, LoadRequest request = {}) {
  return TextFiles({{"/p/compose.yaml", text}}).Load(std::move(request));
}

// What is wrong in a file; empty if nothing is.
inline std::string ProblemsOf(const std::string& text) {
  std::expected<Project, Problems> project = LoadText(text);
  return project ? "" : project.error().ToString();
}

}  // namespace davit::cli::compose
