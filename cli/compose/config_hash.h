// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A digest of what a service's containers are made of.
#pragma once

#include <map>
#include <string>

#include "cli/compose/model/project.h"

namespace davit::cli::compose {

// SHA-256 in hexadecimal digits.
std::string Sha256Of(const std::string& text);

// What a container depends on outside of its service: names at the node, and secrets and configs as texts.
struct Attachments {
  std::map<std::string, std::string> secrets = {};  // by their keys
  std::map<std::string, std::string> configs = {};
};

// The same for the same containers: what only says when they are started, how many there are, or where their
// image comes from, does not count.
std::string ConfigHash(const Project& project, const Service& service, const Attachments& attachments);

}  // namespace davit::cli::compose
