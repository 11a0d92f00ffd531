// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/short_forms.h"

#include <filesystem>

#include "cli/compose/model/text_forms.h"

namespace davit::cli::compose {
namespace {

std::vector<Value> Bad(const Value& value, const Surroundings& around, const std::string& why) {
  around.problems->Add(value.place, (value.IsScalar() ? value.text + ": " : "") + why);
  return {};
}

// A map with one text.
Value Single(const char* key, const Value& text) {
  Value map = MapValue(text.place);
  map.Set(key, TextValue(text.text, text.place));
  return map;
}

// A text becomes a map with that key; a map stays.
std::vector<Value> TextOrMap(const Value& value, const Surroundings& around, const char* key) {
  if (value.kind == Kind::kMap) return {value};
  if (value.kind != Kind::kText) return Bad(value, around, "write a text or a map");
  return {Single(key, value)};
}

// A list of names becomes a map of names to `make(name)`; a map stays.
template <typename Make>
std::vector<Value> NamesOrMap(const Value& value, const Surroundings& around, Make make) {
  if (value.kind == Kind::kMap) return {value};
  if (value.kind != Kind::kList) return Bad(value, around, "write a list of names or a map");
  Value map = MapValue(value.place);
  map.tag = value.tag;
  for (const Value& name : value.items) {
    if (name.kind != Kind::kText) return Bad(name, around, "is no name");
    map.Set(name.text, make(name));
  }
  return {map};
}

// Other sources than directories stay as they are.
void MakeAbsolute(Value* path, const Surroundings& around) {
  if (path == nullptr || path->kind != Kind::kText) return;
  if (!path->text.contains("://") && !path->text.starts_with("git@"))
    path->text = AbsolutePath(path->text, around);
}

// "ro,nocopy,z" of a volume.
bool TakeVolumeOption(const std::string& option, Value& volume) {
  const Place& at = volume.place;
  if (option == "ro" || option == "readonly") {
    volume.Set("read_only", BoolValue(true, at));
  } else if (option == "nocopy") {
    Value settings = MapValue(at);
    settings.Set("nocopy", BoolValue(true, at));
    volume.Set("volume", std::move(settings));
  } else if (option == "z" || option == "Z") {
    Value* bind = volume.Find("bind");
    if (bind != nullptr) bind->Set("selinux", TextValue(option, at));
  } else {
    return option == "rw" || option == "cached" || option == "delegated" || option == "consistent";
  }
  return true;
}

}  // namespace

std::string AbsolutePath(const std::string& path, const Surroundings& around) {
  std::filesystem::path result = path;
  if ((path == "~" || path.starts_with("~/")) && !around.home.empty())
    result = around.home + path.substr(1);
  else if (!path.starts_with('/'))
    result = std::filesystem::path(around.base_directory) / path;
  std::string normal = result.lexically_normal().string();
  if (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
  return normal;
}

std::vector<Value> ExpandBuild(const Value& value, const Surroundings& around) {
  std::vector<Value> expanded = TextOrMap(value, around, "context");
  for (Value& build : expanded) MakeAbsolute(build.Find("context"), around);
  return expanded;
}

std::vector<Value> ExpandExtends(const Value& value, const Surroundings& around) {
  return TextOrMap(value, around, "service");
}

std::vector<Value> ExpandFileMount(const Value& value, const Surroundings& around) {
  return TextOrMap(value, around, "source");
}

std::vector<Value> ExpandInclude(const Value& value, const Surroundings& around) {
  return TextOrMap(value, around, "path");
}

std::vector<Value> ExpandDependsOn(const Value& value, const Surroundings& around) {
  std::vector<Value> expanded =
      NamesOrMap(value, around, [](const Value& name) { return MapValue(name.place); });
  if (expanded.empty()) return expanded;
  for (Member& member : expanded.front().members) {
    Value& entry = member.value;
    if ((entry.kind != Kind::kMap && !entry.IsNull()) || entry.tag == Tag::kReset) continue;
    if (entry.Find("condition") == nullptr)
      entry.Set("condition", TextValue("service_started", member.place));
    if (entry.Find("required") == nullptr) entry.Set("required", BoolValue(true, member.place));
  }
  return expanded;
}

std::vector<Value> ExpandNetworks(const Value& value, const Surroundings& around) {
  return NamesOrMap(value, around, [](const Value& name) { return NullValue(name.place); });
}

std::vector<Value> ExpandEnvFile(const Value& value, const Surroundings& around) {
  std::vector<Value> expanded = TextOrMap(value, around, "path");
  for (Value& entry : expanded)
    if (entry.Find("required") == nullptr) entry.Set("required", BoolValue(true, value.place));
  return expanded;
}

std::vector<Value> ExpandDevice(const Value& value, const Surroundings& around) {
  if (value.kind == Kind::kMap) return {value};
  std::vector<std::string> parts = SplitText(value.text, ':');
  if (value.kind != Kind::kText || parts.size() > 3 || parts[0].empty())
    return Bad(value, around, "write HOST_PATH[:CONTAINER_PATH][:rwm]");
  Value device = MapValue(value.place);
  bool only_permissions = parts.size() == 2 && !parts[1].starts_with('/');
  device.Set("source", TextValue(parts[0], value.place));
  device.Set("target", TextValue(parts.size() > 1 && !only_permissions ? parts[1] : parts[0], value.place));
  device.Set("permissions",
             TextValue(parts.size() == 3 || only_permissions ? parts.back() : "rwm", value.place));
  return {device};
}

// A source that begins as a path is one of the host, any other is a volume's name.
std::vector<Value> ExpandVolume(const Value& value, const Surroundings& around) {
  if (value.kind == Kind::kMap) {
    Value volume = value;
    if (volume.TextOf("type") == "bind") MakeAbsolute(volume.Find("source"), around);
    return {volume};
  }
  std::vector<std::string> parts = SplitText(value.text, ':');
  bool empty = false;
  for (const std::string& part : parts) empty |= part.empty();
  if (value.kind != Kind::kText || parts.size() > 3 || empty)
    return Bad(value, around,
               "write [SOURCE:]CONTAINER_PATH[:ro], where SOURCE is a path or a volume's name");
  Value volume = MapValue(value.place);
  const std::string source = parts.size() > 1 ? parts[0] : "";
  bool is_path = source.starts_with('/') || source.starts_with('.') || source.starts_with('~');
  volume.Set("type", TextValue(is_path ? "bind" : "volume", value.place));
  if (!source.empty())
    volume.Set("source", TextValue(is_path ? AbsolutePath(source, around) : source, value.place));
  volume.Set("target", TextValue(parts.size() > 1 ? parts[1] : parts[0], value.place));
  volume.Set(is_path ? "bind" : "volume", MapValue(value.place));
  if (parts.size() < 3) return {volume};
  for (const std::string& option : SplitText(parts[2], ','))
    if (!TakeVolumeOption(option, volume))
      return Bad(value, around, "the option " + option + " is not supported: use ro, rw or nocopy");
  return {volume};
}

}  // namespace davit::cli::compose
