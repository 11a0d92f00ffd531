// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cdi/registry.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <system_error>

#include "base/file_io.h"

namespace davit::cri::cdi {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxSpecBytes = 4 << 20;

struct Entry {
  std::shared_ptr<const Spec> spec;
  const Device* device = nullptr;
  std::string rival;  // another file of the same directory that describes it as well
};

struct Scan {
  std::map<std::string, Entry> devices;  // by qualified name
  std::vector<std::string> errors;
};

// The files of the directory that are descriptions by their name, sorted; none when it does not exist.
std::vector<std::string> SpecFiles(const std::string& directory, Scan& scan) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::string extension = it->path().extension();
    if (extension == ".json" || extension == ".yaml") files.push_back(it->path());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    scan.errors.push_back(SystemError("read directory", directory, error.value()).error().ToString());
  std::ranges::sort(files);
  return files;
}

Result<Spec> ReadSpecFile(const std::string& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error))  // opening a FIFO would wait for a writer
    return Fail(Code::kInvalidArgument, "read", file, "is not a regular file");
  std::string text = TRY(ReadFile(file, kMaxSpecBytes));
  return ParseSpec(file, file.ends_with(".yaml") ? Syntax::kYaml : Syntax::kJson, text);
}

void AddSpec(const std::shared_ptr<const Spec>& spec, std::map<std::string, Entry>& directory) {
  for (const Device& device : spec->devices) {
    auto [entry, fresh] = directory.try_emplace(spec->kind + "=" + device.name, Entry{spec, &device, ""});
    if (!fresh) entry->second.rival = spec->file;
  }
}

Scan ScanAll(const std::vector<std::string>& directories) {
  Scan scan;
  for (const std::string& path : directories) {
    std::map<std::string, Entry> directory;
    for (const std::string& file : SpecFiles(path, scan)) {
      Result<Spec> spec = ReadSpecFile(file);
      if (spec)
        AddSpec(std::make_shared<const Spec>(std::move(*spec)), directory);
      else
        scan.errors.push_back(spec.error().ToString());
    }
    for (auto& [name, entry] : directory) scan.devices[name] = std::move(entry);
  }
  return scan;
}

std::string Conflict(const std::string& name, const Entry& entry) {
  return name + " is described in " + entry.spec->file + " and in " + entry.rival;
}

std::unexpected<Error> Unknown(const std::string& name, const Scan& scan) {
  std::string context = "no file describes it";
  for (const std::string& error : scan.errors) context += "; " + error;
  return Fail(Code::kNotFound, "find CDI device", name, context);
}

Result<> CheckSupported(const std::string& name, const Entry& entry) {
  for (const Edits* edits : {&entry.spec->edits, &entry.device->edits}) {
    if (edits->unsupported.empty()) continue;
    return Fail(Code::kUnimplemented, "use CDI device", name,
                entry.spec->file + " asks for " + edits->unsupported + ", which is not supported");
  }
  return {};
}

}  // namespace

Result<std::vector<Edits>> Registry::Resolve(const std::vector<std::string>& devices) const {
  std::vector<Edits> edits;
  if (devices.empty()) return edits;
  Scan scan = ScanAll(directories_);
  std::set<const Spec*> seen;
  for (const std::string& name : devices) {
    TRY(ParseQualifiedName(name));
    auto found = scan.devices.find(name);
    if (found == scan.devices.end()) return Unknown(name, scan);
    const Entry& entry = found->second;
    if (!entry.rival.empty())
      return Fail(Code::kFailedPrecondition, "find CDI device", name, Conflict(name, entry));
    TRY(CheckSupported(name, entry));
    if (seen.insert(entry.spec.get()).second) edits.push_back(entry.spec->edits);
    edits.push_back(entry.device->edits);
  }
  return edits;
}

Registry::Content Registry::Describe() const {
  Scan scan = ScanAll(directories_);
  Content content;
  content.errors = scan.errors;
  for (const auto& [name, entry] : scan.devices) {
    if (entry.rival.empty())
      content.devices.push_back(name);
    else
      content.errors.push_back(Conflict(name, entry));
  }
  return content;
}

}  // namespace davit::cri::cdi
