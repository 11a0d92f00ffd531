// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cdi/spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/testing/mutated_json.h"

namespace davit::cri::cdi {
namespace {

using Json = nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The smallest file that is valid, changed by a JSON patch's value at a path.
std::string With(const std::string& pointer, const Json& value) {
  Json json = Json::parse(R"({"cdiVersion": "1.0.0", "kind": "vendor.com/class",
                              "devices": [{"name": "one", "containerEdits": {}}], "containerEdits": {}})");
  json[Json::json_pointer(pointer)] = value;
  return json.dump();
}

TEST(CdiSpec, HasEveryEdit) {
  Result<Spec> spec = ParseSpec("/etc/cdi/v.json", Syntax::kJson, R"({
    "cdiVersion": "0.7.0", "kind": "vendor.com/class", "annotations": {"a": "b"},
    "devices": [{"name": "gpu:0", "annotations": {"c": "d"}, "containerEdits": {
      "deviceNodes": [{"path": "/dev/gpu", "hostPath": "/dev/gpu0", "type": "c", "major": 10, "minor": 3,
                       "fileMode": 432, "permissions": "rw", "uid": 1, "gid": 2}],
      "mounts": [{"hostPath": "/lib/gpu.so", "containerPath": "/lib/gpu.so", "type": "bind", "options": ["ro"]}],
      "additionalGids": [44, 0]}}],
    "containerEdits": {"env": ["GPU=yes"]}})");
  ASSERT_TRUE(spec) << spec.error().ToString();
  EXPECT_EQ(spec->kind, "vendor.com/class");
  EXPECT_THAT(spec->edits.env, ElementsAre("GPU=yes"));
  ASSERT_EQ(spec->devices.size(), 1u);
  EXPECT_EQ(spec->devices[0].name, "gpu:0");
  const Edits& edits = spec->devices[0].edits;
  ASSERT_EQ(edits.device_nodes.size(), 1u);
  EXPECT_EQ(edits.device_nodes[0].host_path, "/dev/gpu0");
  EXPECT_EQ(edits.device_nodes[0].major, 10u);
  EXPECT_EQ(edits.device_nodes[0].mode, 0660u);
  EXPECT_EQ(edits.device_nodes[0].permissions, "rw");
  ASSERT_EQ(edits.mounts.size(), 1u);
  EXPECT_THAT(edits.mounts[0].options, ElementsAre("ro"));
  EXPECT_THAT(edits.additional_gids, ElementsAre(44));
  EXPECT_EQ(edits.unsupported, "");
}

TEST(CdiSpec, YamlSaysTheSame) {
  Result<Spec> spec = ParseSpec("v.yaml", Syntax::kYaml, R"(
cdiVersion: 0.5.0
kind: vendor.com/class
devices:
  - name: "0"
    containerEdits:
      deviceNodes:
        - path: /dev/gpu
          fileMode: 0660
)");
  ASSERT_TRUE(spec) << spec.error().ToString();
  EXPECT_EQ(spec->devices[0].name, "0");
  EXPECT_EQ(spec->devices[0].edits.device_nodes[0].mode, 0660u);
}

TEST(CdiSpec, WhatIsNotAllowedIsNamedWithItsFile) {
  struct Case {
    const char* pointer;
    Json value;
    const char* named;
  };
  const std::vector<Case> cases = {
      {"/cdiVersion", "9.0.0", "9.0.0"},
      {"/cdiVersion", 1, "cdiVersion"},
      {"/kind", "vendor.com", "vendor.com"},
      {"/kind", "vendor.com/-class", "kind"},
      {"/kind", "9vendor/class", "kind"},
      {"/surprise", 1, "surprise"},
      {"/devices", Json::array(), "devices"},
      {"/devices/0/name", "", "devices[0].name"},
      {"/devices/0/name", "a b", "a b"},
      {"/devices/0/name", "a-", "a-"},
      {"/devices/0/sriov", true, "devices[0].sriov"},
      {"/devices/1", Json{{"name", "one"}}, "one is there twice"},
      {"/devices/0/containerEdits/env", Json{"A"}, "devices[0].containerEdits.env"},
      {"/devices/0/containerEdits/env", Json{"=A"}, "=A"},
      {"/containerEdits/env", "A=1", "containerEdits.env"},
      {"/containerEdits/deviceNodes", Json{{{"path", ""}}}, "containerEdits.deviceNodes[0].path"},
      {"/containerEdits/deviceNodes", Json{{{"path", "dev/x"}}}, "dev/x"},
      {"/containerEdits/deviceNodes", Json{{{"path", "/dev/x"}, {"type", "q"}}}, "deviceNodes[0].type"},
      {"/containerEdits/deviceNodes", Json{{{"path", "/dev/x"}, {"major", -1}}}, "major"},
      {"/containerEdits/deviceNodes", Json{{{"path", "/dev/x"}, {"permissions", "rx"}}}, "rx"},
      {"/containerEdits/mounts", Json{{{"containerPath", "/x"}}}, "mounts[0].hostPath"},
      {"/containerEdits/mounts", Json{{{"hostPath", "/x"}, {"containerPath", "x"}}},
       "mounts[0].containerPath"},
      {"/containerEdits/mounts", Json{{{"hostPath", "/x"}, {"containerPath", "/x"}, {"mode", 1}}}, "mode"},
      {"/containerEdits/additionalGids", Json{-5}, "-5"},
      {"/containerEdits/hooks", Json{{{"hookName", 5}, {"path", "/h"}}}, "containerEdits.hooks[0].hookName"},
      {"/containerEdits/hooks", Json{{{"hookName", "createContainer"}}}, "containerEdits.hooks[0].path"},
      {"/containerEdits/hooks", Json{5}, "containerEdits.hooks[0]"},
      {"/containerEdits/rootless", true, "rootless"},
  };
  for (const Case& c : cases) {
    Result<Spec> spec = ParseSpec("/etc/cdi/bad.json", Syntax::kJson, With(c.pointer, c.value));
    ASSERT_FALSE(spec) << c.pointer << " " << c.value;
    EXPECT_EQ(spec.error().code, Code::kInvalidArgument);
    EXPECT_THAT(spec.error().ToString(), AllOf(HasSubstr("/etc/cdi/bad.json"), HasSubstr(c.named)));
  }
  for (const char* text : {"", "[]", "{", "{}"}) EXPECT_FALSE(ParseSpec("x", Syntax::kJson, text)) << text;
}

TEST(CdiSpec, WhatDavitDoesNotDoIsReadAndNoted) {
  struct Case {
    const char* field;
    Json value;
    const char* noted;
  };
  for (const Case& c :
       {Case{"hooks", Json{{{"hookName", "createContainer"}, {"path", "/bin/hook"}}},
             "containerEdits.hooks: createContainer /bin/hook"},
        Case{"intelRdt", Json{{"closID", "x"}}, "containerEdits.intelRdt"},
        Case{"netDevices", Json{{{"hostInterfaceName", "eth1"}}}, "containerEdits.netDevices"}}) {
    Result<Spec> spec =
        ParseSpec("x", Syntax::kJson, With(std::string("/containerEdits/") + c.field, c.value));
    ASSERT_TRUE(spec) << spec.error().ToString();
    EXPECT_EQ(spec->edits.unsupported, c.noted);
  }
}

// By both syntaxes, for JSON is YAML.
TEST(CdiSpec, NothingThrowsWhateverTypeAValueHas) {
  Json full = Json::parse(R"({
    "cdiVersion": "0.7.0", "kind": "vendor.com/class", "annotations": {"a": "b"},
    "devices": [{"name": "gpu:0", "annotations": {"c": "d"}, "containerEdits": {
      "deviceNodes": [{"path": "/dev/gpu", "hostPath": "/dev/gpu0", "type": "c", "major": 10, "minor": 3,
                       "fileMode": 432, "permissions": "rw", "uid": 1, "gid": 2}],
      "mounts": [{"hostPath": "/lib/gpu.so", "containerPath": "/lib/gpu.so", "type": "bind", "options": ["ro"]}],
      "hooks": [{"hookName": "createContainer", "path": "/h", "args": ["h"], "env": ["A=B"], "timeout": 1}],
      "additionalGids": [44, 0]}}],
    "containerEdits": {"env": ["GPU=yes"], "intelRdt": {"closID": "x"}, "netDevices": [{"name": "n"}]}})");
  for (const std::string& text : WithEachValueOfEachType(full)) {
    for (Syntax syntax : {Syntax::kJson, Syntax::kYaml}) {
      EXPECT_NO_THROW((void)ParseSpec("x", syntax, text)) << text;
    }
  }
}

TEST(CdiName, HasVendorClassAndDevice) {
  EXPECT_EQ(ParseQualifiedName("vendor.com/gpu=0")->kind, "vendor.com/gpu");
  EXPECT_EQ(ParseQualifiedName("vendor.com/gpu=a:b.c_d-e")->device, "a:b.c_d-e");
  for (const char* name : {"", "vendor.com/gpu", "gpu=0", "vendor.com/gpu=", "/gpu=0", "vendor.com/=0",
                           "v/g=0=1", "v/g=-0", "v/g/h=0", "v g/h=0"}) {
    Result<QualifiedName> parsed = ParseQualifiedName(name);
    ASSERT_FALSE(parsed) << name;
    EXPECT_THAT(parsed.error().ToString(), HasSubstr(name));
  }
}

}  // namespace
}  // namespace davit::cri::cdi
