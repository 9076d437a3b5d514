# Debian packages: ./dev package, or cpack in the build folder. saola (tool, unit, user), split-service, libsaola-dev.
install(PROGRAMS packaging/upgrade DESTINATION libexec/saola COMPONENT saola)
# Manual pages and completion come from the programs' own --help.
function(saola_manual program what)
  set(page ${PROJECT_BINARY_DIR}/man/${program}.1)
  add_custom_command(OUTPUT ${page}
    COMMAND ${PROJECT_SOURCE_DIR}/packaging/man_page $<TARGET_FILE:${program}> ${program} ${what} ${ARGN} > ${page}
    DEPENDS ${program} ${PROJECT_SOURCE_DIR}/packaging/man_page VERBATIM)
  add_custom_target(saola_manual_${program} ALL DEPENDS ${page})
  install(FILES ${page} DESTINATION share/man/man1 COMPONENT ${program})
  install(FILES packaging/completion.bash DESTINATION share/bash-completion/completions RENAME ${program}
          COMPONENT ${program})
  install(FILES packaging/completion.zsh DESTINATION share/zsh/vendor-completions RENAME _${program}
          COMPONENT ${program})
  install(FILES packaging/completion.fish DESTINATION share/fish/vendor_completions.d RENAME ${program}.fish
          COMPONENT ${program})
endfunction()
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/man)
saola_manual(saola "the tool for services built with Saola" jobs submit ctl token split new)
saola_manual(split-service "splits the rows of a table into groups as alike as possible"
  serve submit jobs ctl token backup restore)

install(FILES packaging/saola@.service packaging/saola@.socket DESTINATION lib/systemd/system COMPONENT saola)
# Outside the prefix, so in packages only.
install(FILES packaging/split-service.toml DESTINATION /etc/saola COMPONENT split-service EXCLUDE_FROM_ALL)
foreach(package saola split-service libsaola-dev)
  set(component ${package})
  if(package STREQUAL libsaola-dev)
    set(component dev)
  endif()
  install(FILES LICENSE DESTINATION share/doc/${package} RENAME copyright COMPONENT ${component} EXCLUDE_FROM_ALL)
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The Saola developers <saola@localhost>")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_COMPONENTS_ALL saola split-service dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
# /etc is outside the prefix.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION httpd)

set(CPACK_DEBIAN_SAOLA_PACKAGE_NAME saola)
set(CPACK_COMPONENT_SAOLA_DESCRIPTION "Tool and systemd unit for services built with Saola
 Lists, follows and submits jobs of a Saola service, talks to its control
 socket, and writes new services.")
set(CPACK_DEBIAN_SAOLA_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_SAOLA_PACKAGE_CONTROL_EXTRA
  ${PROJECT_SOURCE_DIR}/packaging/saola/postinst ${PROJECT_SOURCE_DIR}/packaging/saola/postrm)

set(CPACK_DEBIAN_SPLIT-SERVICE_PACKAGE_NAME split-service)
set(CPACK_COMPONENT_SPLIT-SERVICE_DESCRIPTION "Splits the rows of a table into groups as alike as possible
 An HTTP service: takes a table from S3 or a folder, answers at once, and
 splits it in the background.")
set(CPACK_DEBIAN_SPLIT-SERVICE_PACKAGE_DEPENDS "saola (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_SPLIT-SERVICE_PACKAGE_CONTROL_EXTRA
  ${PROJECT_SOURCE_DIR}/packaging/split-service/postinst ${PROJECT_SOURCE_DIR}/packaging/split-service/prerm
  ${PROJECT_SOURCE_DIR}/packaging/split-service/postrm ${PROJECT_SOURCE_DIR}/packaging/split-service/conffiles)

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libsaola-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEV_DESCRIPTION "C++23 application server and microservice toolkit: libraries and headers
 find_package(saola) and pkg-config saola.")
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "g++ (>= 4:12), libboost1.81-dev, libboost-context1.81-dev, libboost-json1.81-dev, \
libfmt-dev, libcurl4-openssl-dev, libsqlite3-dev, libssl-dev, zlib1g-dev")
include(CPack)
