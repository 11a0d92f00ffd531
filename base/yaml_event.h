// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// An event of libyaml's parser, which owns what yaml_parser_parse(3) puts into it.
#pragma once

#include <yaml.h>

namespace davit {

class YamlEvent {
 public:
  YamlEvent() = default;
  ~YamlEvent() { yaml_event_delete(&event_); }
  YamlEvent(const YamlEvent&) = delete;
  YamlEvent& operator=(const YamlEvent&) = delete;

  yaml_event_t* operator->() { return &event_; }
  yaml_event_t* get() { return &event_; }

 private:
  yaml_event_t event_{};
};

}  // namespace davit
