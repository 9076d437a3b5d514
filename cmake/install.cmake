# cmake --install: libraries and headers (find_package(saola), pkg-config saola), programs, the dashboard is inside them.
include(CMakePackageConfigHelpers)

get_property(modules GLOBAL PROPERTY SAOLA_MODULES)
list(REMOVE_ITEM modules testing)
set(installed)
set(link_line)
foreach(module IN LISTS modules)
  list(APPEND installed saola_${module})
  # Static archives: who uses another comes before it.
  get_target_property(type saola_${module} TYPE)
  if(type STREQUAL STATIC_LIBRARY)
    list(PREPEND link_line -lsaola_${module})
  endif()
  if(EXISTS ${PROJECT_SOURCE_DIR}/modules/${module}/include)
    install(DIRECTORY modules/${module}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
  endif()
endforeach()
install(TARGETS ${installed} EXPORT saola ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/saola)
install(EXPORT saola NAMESPACE saola:: FILE saolaTargets.cmake DESTINATION ${package} COMPONENT dev)
configure_package_config_file(cmake/saolaConfig.cmake.in ${PROJECT_BINARY_DIR}/saolaConfig.cmake
                              INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/saolaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/saolaConfig.cmake ${PROJECT_BINARY_DIR}/saolaConfigVersion.cmake
        DESTINATION ${package} COMPONENT dev)

list(JOIN link_line " " SAOLA_LINK_LINE)
list(JOIN SAOLA_PUBLIC_FLAGS " " SAOLA_CFLAGS)
if(SAOLA_HAVE_BACKTRACE)
  set(SAOLA_BACKTRACE -lbacktrace)
endif()
file(RELATIVE_PATH SAOLA_PREFIX_FROM_PC /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
configure_file(cmake/saola.pc.in ${PROJECT_BINARY_DIR}/saola.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/saola.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)

if(SAOLA_PROGRAMS)
  install(TARGETS saola RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT saola)
  install(TARGETS split-service RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT split-service)
endif()
