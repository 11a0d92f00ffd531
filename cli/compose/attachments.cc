// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/attachments.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "base/atomic_file.h"
#include "base/file_io.h"
#include "base/number.h"

namespace davit::cli::compose {
namespace {

constexpr mode_t kMode = 0444;
constexpr mode_t kMostMode = 0777;

std::string Root() {
  const char* given = getenv("DAVIT_COMPOSE_DIR");
  return given != nullptr ? given : "/var/lib/davit-compose";
}

Result<std::string> ReadSource(const FileSource& source) {
  if (source.content) {
    if (source.content->size() > kMostAttachment)
      return Fail(Code::kInvalidArgument, "read text", "", "is larger than 1 MiB");
    return *source.content;
  }
  UniqueFd file = TRY(OpenAt(AT_FDCWD, source.file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  struct stat status{};
  if (fstat(file.get(), &status) < 0) return SystemError("fstat", source.file);
  if (!S_ISREG(status.st_mode))
    return Fail(Code::kInvalidArgument, "read", source.file, "is no regular file");
  return ReadFd(file.get(), source.file, kMostAttachment);
}

Result<std::map<std::string, std::string>> ReadSources(const char* section,
                                                       const std::map<std::string, FileSource>& sources) {
  std::map<std::string, std::string> texts;
  for (const auto& [key, source] : sources) {
    Result<std::string> text = ReadSource(source);
    if (!text) return std::unexpected(Within(std::string(section) + "." + key, text.error()));
    texts[key] = std::move(*text);
  }
  return texts;
}

Result<mode_t> ModeOf(const Value& mount) {
  std::string text = mount.TextOf("mode");
  if (text.empty()) return kMode;
  std::string_view digits = text;
  if (digits.starts_with("0o")) digits.remove_prefix(2);
  std::optional<mode_t> mode = WholeNumber<mode_t>(digits, 8);
  if (!mode || *mode > kMostMode)
    return Fail(Code::kInvalidArgument, "mode", text, "write an octal mode, such as 0440");
  return *mode;
}

std::string TargetOf(const Value& mount, const char* section) {
  std::string target = mount.TextOf("target");
  if (target.starts_with('/')) return target;
  return (section == std::string("secrets") ? "/run/secrets/" : "/") + target;
}

Result<UniqueFd> OpenDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  UniqueFd directory = TRY(OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  struct stat status{};
  if (fstat(directory.get(), &status) < 0) return SystemError("fstat", path);
  if (status.st_uid != geteuid())
    return Fail(Code::kFailedPrecondition, "open", path, "belongs to somebody else");
  if (fchmod(directory.get(), 0700) < 0) return SystemError("fchmod", path);
  return directory;
}

Result<> WriteSection(const std::string& path, const Service& service, const char* section,
                      const std::map<std::string, std::string>& texts,
                      std::map<std::string, std::string>& files) {
  const Value* mounts = service.definition.Find(section);
  if (mounts == nullptr) return {};
  UniqueFd directory = TRY(OpenDirectory(path));
  for (const Value& mount : mounts->items) {
    mode_t mode = TRY(ModeOf(mount));
    const std::string& text = texts.at(mount.TextOf("source"));
    std::string name = Sha256Of(text) + "-" + std::to_string(mode);
    if (faccessat(directory.get(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) < 0)
      TRY(WriteFileAtomically(directory.get(), name, text, mode, Durability::kDurable));
    files[TargetOf(mount, section)] = path + "/" + name;
  }
  return {};
}

}  // namespace

Result<Attachments> ReadAttachments(const Project& project) {
  Attachments attachments;
  attachments.secrets = TRY(ReadSources("secrets", project.secrets));
  attachments.configs = TRY(ReadSources("configs", project.configs));
  return attachments;
}

Result<std::map<std::string, std::string>> WriteAttachments(const Project& project, const Service& service,
                                                            const Attachments& attachments) {
  std::map<std::string, std::string> files;
  std::string path = Root() + "/" + project.name;
  TRY(WriteSection(path, service, "secrets", attachments.secrets, files));
  TRY(WriteSection(path, service, "configs", attachments.configs, files));
  return files;
}

Result<> RemoveAttachments(const std::string& project) {
  std::error_code error;
  std::filesystem::remove_all(Root() + "/" + project, error);
  return error ? SystemError("remove", Root() + "/" + project, error.value()) : Result<>();
}

}  // namespace davit::cli::compose
