// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/compose/model/print.h"
#include "cli/compose/model/testing/text_project.h"
#include "cli/compose/model/yaml.h"

namespace davit::cli::compose {
namespace {

std::string Json(const Value& value) {
  return PrintJson(JsonOf(value));
}

TEST(Print, YamlReadsBackAsTheSame) {
  Problems problems;
  std::optional<Value> value = ParseYaml(
      "a: {}\nb: []\nc: [1, '1', 1.5, true, 'true', ~, 'null', 'yes', '', ' x', 'a: b', '- a', '#']\n"
      "d: [{e: 1, f: [2, {g: 3}]}, []]\n'k: 1': \"two\\nlines\"\nh: '1.2.3'\ni: /path/a-b_c.d\n'5': x\n",
      "f", problems);
  ASSERT_TRUE(value) << problems.ToString();
  std::string yaml = YamlOf(*value);
  std::optional<Value> again = ParseYaml(yaml, "g", problems);
  ASSERT_TRUE(again) << yaml << problems.ToString();
  EXPECT_EQ(Json(*again), Json(*value)) << yaml;
}

TEST(Print, AProjectReadsBackAsTheSame) {
  auto project = LoadText(
      "services:\n  web:\n    image: a\n    ports: ['80:80']\n    environment: {A: 'x: \"y\"', B: 'no'}\n"
      "    mem_limit: 1g\n    cpus: 0.5\n    stop_grace_period: 90s\n    healthcheck: {test: 'curl -f x', "
      "retries: 3}\n");
  ASSERT_TRUE(project) << project.error().ToString();
  std::string yaml = YamlOf(project->document);
  auto again = LoadText(yaml);
  ASSERT_TRUE(again) << yaml << again.error().ToString();
  EXPECT_EQ(Json(again->document), Json(project->document));
}

}  // namespace
}  // namespace davit::cli::compose
